package authorize

import (
	"errors"
	"fmt"
	"strings"
)

// takesValue lists the options of sshd(8), AUTHORIZED_KEYS FILE FORMAT, and
// whether each is followed by ="VALUE". Left out are cert-authority and
// principals: they would turn a key into one that signs certificates.
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

// CheckKeyOptions returns nil if options is a list that sshd would take in
// front of a key: names that sshd(8) knows, joined by commas, with values in
// double quotes where they have one. A quote within a value is written \".
// Otherwise the error says what is wrong; sshd would ignore the whole key.
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

// optionCharacters are those that the names of options are made of.
const optionCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

// cutOption takes the first option's name and value off a list.
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
		return fmt.Errorf("%q is no option that sshd(8) lets a plain key have", name)
	case value && !hasValue:
		return fmt.Errorf("the option %q needs a value, as in %s=\"…\"", name, name)
	case !value && hasValue:
		return fmt.Errorf("the option %q takes no value", name)
	}
	return nil
}

// arnCharacters are those of an ARN of an IAM principal, in which names are letters,
// digits and _+=,.@- (IAM User Guide, "IAM identifiers"). A path may have others, which
// could mean something to a shell.
const arnCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-:/"

// environment returns an option that sets a variable of the session, where
// sshd's PermitUserEnvironment lets it. The value may have arnCharacters alone, none of
// which needs quoting of any kind.
func environment(name, value string) (string, error) {
	if strings.Trim(value, arnCharacters) != "" {
		return "", fmt.Errorf("%.300q cannot safely be the value of %s in a session's environment, expected letters, digits and _+=,.@-:/", value, name)
	}
	return fmt.Sprintf(`environment="%s=%s"`, name, value), nil
}
