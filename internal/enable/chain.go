package enable

import (
	"fmt"
	"strings"

	"eic/internal/argv"
	"eic/internal/sshd"
)

// chainArguments turns another AuthorizedKeysCommand into arguments for eic: --chain and
// the command, which eic runs in addition.
//
// sshd expands the tokens of eic's line before eic splits the command inside --chain. The
// values of %u and %f may contain blanks or quotes, so they are escaped here, and eic
// expands them after splitting. The values of %t, %k and %U cannot: they are a key type,
// base64 and a number. eic does not know them, so sshd expands them. The other tokens of
// sshd_config(5) can be handled neither way.
func chainArguments(command string) ([]string, error) {
	args, err := argv.Split(command)
	if err != nil {
		return nil, err
	}
	for _, arg := range args {
		if err := sshd.CheckArgument(arg); err != nil {
			return nil, err
		}
	}
	if !splitAlike(command, args) {
		return nil, fmt.Errorf("reading %q: expected quotes only around whole arguments and no backslash, which OpenSSH before and since 8.7 read differently", command)
	}
	if len(args) == 1 {
		args = append(args, "%u") // sshd passes the user to a command without arguments
	}
	var chained strings.Builder
	quoted := argv.Quote(args)
	for i := 0; i < len(quoted); i++ {
		if quoted[i] != '%' {
			chained.WriteByte(quoted[i])
			continue
		}
		token := quoted[i:min(i+2, len(quoted))]
		i++
		switch token {
		case "%u", "%f", "%%":
			chained.WriteString(argv.Escape(token))
		case "%t", "%k", "%U":
			chained.WriteString(token)
		default:
			return nil, fmt.Errorf("reading %q: expected no token but %%u, %%f, %%t, %%k and %%U, got %q", command, token)
		}
	}
	return []string{"--chain", chained.String()}, nil
}

// splitAlike reports whether every version of sshd splits command into args. That holds
// if each argument is written literally, bare or in one pair of quotes.
func splitAlike(command string, args []string) bool {
	rest := strings.TrimLeft(command, " \t")
	for _, arg := range args {
		if strings.ContainsAny(arg, `\"'`) {
			return false
		}
		plain := false
		for _, form := range []string{`"` + arg + `"`, `'` + arg + `'`, arg} {
			after, found := strings.CutPrefix(rest, form)
			if found && (after == "" || after[0] == ' ' || after[0] == '\t') {
				rest, plain = strings.TrimLeft(after, " \t"), true
				break
			}
		}
		if !plain {
			return false
		}
	}
	return rest == ""
}
