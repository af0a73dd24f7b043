package sshd

// Principals returns the AuthorizedPrincipalsCommand that is in force where no
// Match block changes it.
func (c Config) Principals(v Version) (Setting, bool) {
	set, found := c.Global(principalsCommand)
	_, shadowed := c.ShadowedPrincipals(v)
	return set, found && !shadowed
}

// ShadowedPrincipals returns the AuthorizedPrincipalsCommand that sshd ignores
// before 9.4 because an AuthorizedKeysCommand stands in front of it: no
// certificate that needs it logs in (bugzilla.mindrot.org 3574). A line inside a Match
// block is never ignored.
func (c Config) ShadowedPrincipals(v Version) (Setting, bool) {
	if !v.Before(9, 4) {
		return Setting{}, false
	}
	behind := false
	for _, s := range c {
		if s.Match != "" {
			continue
		}
		switch s.Keyword {
		case KeysCommand:
			behind = true
		case principalsCommand:
			return s, behind
		}
	}
	return Setting{}, false
}
