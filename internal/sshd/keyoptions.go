package sshd

import "strings"

// keyOptionsSince lists the key options that were added after OpenSSH 7.4, the oldest
// version in use, by the version that added each.
func keyOptionsSince() map[string]Version {
	return map[string]Version{
		"expiry-time":       {7, 7},
		"permitlisten":      {7, 8},
		"no-touch-required": {8, 2},
		"verify-required":   {8, 4},
	}
}

// UnknownKeyOption returns the first of some key options that this version of sshd does
// not support, and the version that added it. sshd refuses every key with such an option.
// An unknown version is assumed to support all options.
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
