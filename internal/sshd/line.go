package sshd

import "strings"

// blanks are the characters that separate the words of an sshd_config line.
const blanks = " \t\r\n"

// ParseLine splits a line of sshd_config, or the argument of sshd's -o option, into its
// keyword, in lower case, and its value. A line without a directive has no keyword.
//
// The value is what sshd keeps for AuthorizedKeysCommand: the rest of the line, with
// quotes and comments. sshd before 8.7 ends the line at the first #; SameValue takes that
// into account.
func ParseLine(line string) (keyword, value string) {
	line = strings.TrimRight(line, blanks+"\f")
	keyword, value = cutWord(strings.TrimLeft(line, " \t\r"))
	if keyword == "" {
		keyword, value = cutWord(value)
	}
	if strings.HasPrefix(keyword, "#") {
		return "", ""
	}
	return strings.ToLower(keyword), strings.TrimLeft(value, blanks)
}

// cutWord splits the first word from a line. Blanks, one equals sign or a closing double
// quote end the word. An unclosed quote makes the whole line invalid.
func cutWord(s string) (word, rest string) {
	i := strings.IndexAny(s, blanks+`"=`)
	if i < 0 {
		return s, ""
	}
	if s[i] == '"' {
		quoted, rest, closed := strings.Cut(s[i+1:], `"`)
		if !closed {
			return "", ""
		}
		return s[:i] + quoted, strings.TrimLeft(rest, blanks)
	}
	rest = strings.TrimLeft(s[i+1:], blanks)
	if s[i] != '=' && strings.HasPrefix(rest, "=") {
		rest = strings.TrimLeft(rest[1:], blanks)
	}
	return s[:i], rest
}

// SameValue reports whether the value that sshd reports may come from a line with the
// value written.
func SameValue(reported, written string) bool {
	if reported == written {
		return true
	}
	before, _, found := strings.Cut(written, "#")
	return found && reported == strings.TrimRight(before, blanks)
}
