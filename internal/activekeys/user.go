package activekeys

// maxUser is the length of the longest InstanceOSUser, in bytes.
const maxUser = 32

// ValidUser reports whether EC2 Instance Connect accepts keys for an operating-system
// user of this name. The name must match the pattern of InstanceOSUser,
// ^[A-Za-z_][A-Za-z0-9@._-]{0,30}[A-Za-z0-9$_-]?$.
//
// Source: EC2 Instance Connect API Reference, SendSSHPublicKey.
func ValidUser(name string) bool {
	if len(name) == 0 || len(name) > maxUser || !isLetter(name[0]) && name[0] != '_' {
		return false
	}
	for i := 1; i < len(name); i++ {
		if !isUserByte(name[i], i == len(name)-1, len(name) == maxUser) {
			return false
		}
	}
	return true
}

// isUserByte reports whether c may be a byte of a name other than the first. The last
// byte may also be "$". The last byte of a name of full length may be neither "@" nor
// ".".
func isUserByte(c byte, last, full bool) bool {
	switch {
	case isLetter(c), c >= '0' && c <= '9', c == '_', c == '-':
		return true
	case c == '@', c == '.':
		return !last || !full
	default:
		return c == '$' && last
	}
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
