package authorize

import (
	"errors"
	"fmt"
	"strings"
)

// takesValue reports whether name is a key option of sshd(8), AUTHORIZED_KEYS FILE
// FORMAT, that eic permits, and whether ="VALUE" follows it. It permits neither
// cert-authority nor principals, because they would make the key a certificate authority.
func takesValue(name string) (value, known bool) {
	switch strings.ToLower(name) {
	case "agent-forwarding", "port-forwarding", "pty", "user-rc", "x11-forwarding",
		"no-agent-forwarding", "no-port-forwarding", "no-pty", "no-user-rc", "no-x11-forwarding",
		"no-touch-required", "verify-required", "restrict":
		return false, true
	case "command", "environment", "expiry-time", "from", "permitlisten", "permitopen", "tunnel":
		return true, true
	default:
		return false, false
	}
}

// CheckKeyOptions returns nil if sshd accepts options before a key: option names from
// sshd(8), joined by commas, with values in double quotes. A quote within a value is
// written \". sshd would ignore the whole key if its options were invalid.
func CheckKeyOptions(options string) error {
	for rest := options; ; {
		name, after, err := cutOption(rest)
		if err != nil {
			return err
		}
		if err := checkOption(name, after != rest[len(name):]); err != nil {
			return err
		}
		if after == "" {
			return nil
		}
		if after[0] != ',' {
			return fmt.Errorf("%.40q follows the option %q, expected a comma", after, name)
		}
		rest = after[1:]
	}
}

// KeyOptionNames returns the names of the options in a list that passes CheckKeyOptions. It is
// nil for any other list.
func KeyOptionNames(options string) []string {
	var names []string
	for rest := options; rest != ""; rest = strings.TrimPrefix(rest, ",") {
		name, after, _ := cutOption(rest) // an error comes without a name
		if name == "" {
			return nil
		}
		names, rest = append(names, name), after
	}
	return names
}

// optionCharacters are the characters of option names.
const optionCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

// cutOption splits the first option, with its value, from a list.
func cutOption(list string) (name, rest string, err error) {
	rest = strings.TrimLeft(list, optionCharacters)
	name = strings.TrimSuffix(list, rest)
	value, ok := strings.CutPrefix(rest, `="`)
	if !ok {
		return name, rest, nil
	}
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c < ' ' || c > '~':
			return "", "", fmt.Errorf("the value of the option %q has a character that is not printable ASCII", name)
		case c == '\\' && i+1 < len(value) && value[i+1] == '"':
			i++
		case c == '"':
			return name, value[i+1:], nil
		}
	}
	return "", "", fmt.Errorf("the value of the option %q has no closing quote", name)
}

func checkOption(name string, hasValue bool) error {
	value, known := takesValue(name)
	switch {
	case name == "":
		return errors.New("an option has no name")
	case !known:
		return fmt.Errorf("%q is not an option of sshd(8) for a plain key", name)
	case value && !hasValue:
		return fmt.Errorf("the option %q needs a value, as in %s=\"…\"", name, name)
	case !value && hasValue:
		return fmt.Errorf("the option %q takes no value", name)
	}
	return nil
}

// arnCharacters are the characters of the ARN of an IAM principal: letters, digits,
// _+=,.@- in names, and : and / between them (IAM User Guide, "IAM identifiers"). Paths
// may contain others, but those could be special to a shell.
const arnCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-:/"

// environment returns a key option that sets an environment variable of the session,
// where sshd's PermitUserEnvironment allows it. The value may contain arnCharacters only,
// so it needs no quoting.
func environment(name, value string) (string, error) {
	if strings.Trim(value, arnCharacters) != "" {
		return "", fmt.Errorf("%.300q cannot safely be the value of %s in a session's environment, expected letters, digits and _+=,.@-:/", value, name)
	}
	return fmt.Sprintf(`environment="%s=%s"`, name, value), nil
}
