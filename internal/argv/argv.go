// Package argv splits, quotes and expands argument vectors by sshd's rules.
//
// sshd runs an AuthorizedKeysCommand without a shell. It splits the line into arguments,
// and then replaces %u, %f and other tokens in each argument, so that a user name with a
// blank or a quote stays one argument (sshd_config(5), AuthorizedKeysCommand and TOKENS).
// A program that writes such a line, or runs such a command in sshd's place, must follow
// the same rules.
//
// The package does not handle variables, globs or redirections, and does not know what
// the tokens mean. It imports only the standard library.
package argv

import (
	"errors"
	"fmt"
	"strings"
)

// Split returns the arguments of a command as sshd (OpenSSH 8.7 and later) splits it.
//
// Blanks and tabs separate arguments. Single or double quotes may open and close anywhere
// in an argument; between them, blanks and the other quote are ordinary characters. A
// backslash escapes a quote, a backslash or, outside quotes, a blank. Before any other
// character, and at the end, a backslash is an ordinary character. So is a #. Text
// without arguments yields none.
//
// Split returns an error if a quote is not closed. sshd refuses such a line.
func Split(s string) ([]string, error) {
	return split(s, false)
}

// SplitLine is Split for the arguments of other sshd_config directives. A # at the start
// of an argument ends the line.
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

// next parses the first argument of s.
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

// Quote returns one line of text that Split splits into args.
//
// It quotes in a form that every version of sshd reads alike. OpenSSH before 8.7
// recognizes a quote only at the start of an argument, and the closing quote ends the
// argument. A newline in an argument is kept: Split accepts it, but a configuration file
// cannot contain it. The caller must exclude newlines.
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

// Expand replaces the tokens in each of args. %% becomes a percent sign, and % with
// another character becomes that character's value. The number of arguments stays the
// same, and tokens in a value are not expanded.
//
// Like sshd, Expand refuses a token without a value, and a percent sign at the end.
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
			return "", errors.New("percent sign at the end, expected %% for a literal percent sign")
		}
		value, known := values[arg[i]]
		switch {
		case arg[i] == '%':
			b.WriteByte('%')
		case known:
			b.WriteString(value)
		default:
			return "", fmt.Errorf("unknown token %q; write %%%% for a literal percent sign", arg[i-1:i+1])
		}
	}
	return b.String(), nil
}

// Escape doubles the percent signs of arg, so that Expand returns arg.
func Escape(arg string) string {
	return strings.ReplaceAll(arg, "%", "%%")
}
