package sshd

import "strings"

// keyOptionsSince has the key options that came after OpenSSH 7.4, the oldest version that is
// still met, by the version that brought each.
func keyOptionsSince() map[string]Version {
	return map[string]Version{
		"expiry-time":       {7, 7},
		"permitlisten":      {7, 8},
		"no-touch-required": {8, 2},
		"verify-required":   {8, 4},
	}
}

// UnknownKeyOption returns the first of some key options that sshd of this version does not know,
// and the version that brought it. That sshd refuses every key with such an option. An unknown
// version is taken to know all.
func (v Version) UnknownKeyOption(names []string) (name string, since Version) {
	if v == (Version{}) {
		return "", Version{}
	}
	for _, name := range names {
		if since := keyOptionsSince()[strings.ToLower(name)]; v.Before(since.Major, since.Minor) {
			return name, since
		}
	}
	return "", Version{}
}
