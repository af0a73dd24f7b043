// Package argv splits, quotes and expands argument vectors by sshd's rules.
//
// sshd runs an AuthorizedKeysCommand without a shell: it splits the text of
// the line into arguments and then replaces %u, %f and the like in each of
// them, so that a user name with a blank or a quote stays one argument
// (sshd_config(5), AuthorizedKeysCommand and TOKENS). Whoever writes such a
// line, or runs such a command on sshd's behalf, has to follow the same rules.
//
// The package knows nothing of variables, globs, redirections or of what the
// tokens stand for, and it imports only the standard library.
package argv

import (
	"errors"
	"fmt"
	"strings"
)

// Split returns the arguments of a command as sshd (OpenSSH 8.7 and later)
// sees them.
//
// Blanks and tabs separate arguments. Quotes, single or double, may start and
// end anywhere in an argument and take away the meaning of blanks and of the
// other quote. A backslash counts only before a quote, a backslash or, outside
// quotes, a blank; before anything else, and at the end, it stands for itself.
// A # has no meaning. Text without any argument gives none.
//
// The error says that a quote was never closed; sshd refuses such a line.
func Split(s string) ([]string, error) {
	return split(s, false)
}

// SplitLine is Split for the arguments of any other sshd_config directive: a #
// where an argument would start ends the line.
func SplitLine(s string) ([]string, error) {
	return split(s, true)
}

func split(s string, comments bool) ([]string, error) {
	var args []string
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || comments && s[0] == '#' {
			return args, nil
		}
		arg, rest, err := next(s)
		if err != nil {
			return nil, fmt.Errorf("splitting %q: %w", s, err)
		}
		args = append(args, arg)
		s = rest
	}
}

// next reads the argument that s starts with.
func next(s string) (arg, rest string, err error) {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s) && escaped(s[i+1], quote):
			i++
			b.WriteByte(s[i])
		case quote == 0 && (c == ' ' || c == '\t'):
			return b.String(), s[i:], nil
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", "", fmt.Errorf("no closing %c", quote)
	}
	return b.String(), "", nil
}

// escaped reports whether a backslash before c is an escape.
func escaped(c, quote byte) bool {
	return c == '"' || c == '\'' || c == '\\' || c == ' ' && quote == 0
}

// Quote writes args as one line of text of which Split makes args again.
//
// It quotes in the one way that every sshd reads alike: OpenSSH before 8.7
// knows a quote only as the first character of an argument, and ends the
// argument with the closing one. A newline inside an argument is kept, which
// Split takes but a configuration file cannot hold; keeping it out is the
// caller's part.
func Quote(args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = arg
		if arg == "" || strings.ContainsAny(arg, " \t\r\n\v\f\"'\\#") {
			quoted[i] = `"` + quoteEscapes.Replace(arg) + `"`
		}
	}
	return strings.Join(quoted, " ")
}

var quoteEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Expand replaces the tokens in each of args: %% by a percent sign and % with
// any other character by that character's value. The number of arguments never
// changes, and what a value contains is not looked at again.
//
// Like sshd, it refuses a token that values does not name and a percent sign
// with nothing after it.
func Expand(args []string, values map[byte]string) ([]string, error) {
	expanded := make([]string, len(args))
	for i, arg := range args {
		text, err := expand(arg, values)
		if err != nil {
			return nil, fmt.Errorf("expanding %q: %w", arg, err)
		}
		expanded[i] = text
	}
	return expanded, nil
}

func expand(arg string, values map[byte]string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(arg); i++ {
		if arg[i] != '%' {
			b.WriteByte(arg[i])
			continue
		}
		i++
		if i == len(arg) {
			return "", errors.New("a percent sign at the end; write %% for the sign itself")
		}
		value, known := values[arg[i]]
		switch {
		case arg[i] == '%':
			b.WriteByte('%')
		case known:
			b.WriteString(value)
		default:
			return "", fmt.Errorf("unknown token %q; write %%%% for a percent sign itself", arg[i-1:i+1])
		}
	}
	return b.String(), nil
}

// Escape doubles the percent signs of arg, so that Expand gives arg back.
func Escape(arg string) string {
	return strings.ReplaceAll(arg, "%", "%%")
}
