package sshd

// Principals returns the AuthorizedPrincipalsCommand that applies outside of Match
// blocks.
func (c Config) Principals(v Version) (Setting, bool) {
	set, found := c.Global(principalsCommand)
	_, shadowed := c.ShadowedPrincipals(v)
	return set, found && !shadowed
}

// ShadowedPrincipals returns the AuthorizedPrincipalsCommand that sshd ignores because an
// AuthorizedKeysCommand comes before it, in versions before 9.4. Certificates that need
// it cannot log in then (bugzilla.mindrot.org 3574). A line inside a Match block is never
// ignored.
func (c Config) ShadowedPrincipals(v Version) (Setting, bool) {
	if !v.Before(9, 4) {
		return Setting{}, false
	}
	shadowed := false
	for _, s := range c {
		if s.Match != "" {
			continue
		}
		switch s.Keyword {
		case KeysCommand:
			shadowed = true
		case principalsCommand:
			return s, shadowed
		}
	}
	return Setting{}, false
}
