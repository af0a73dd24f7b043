package explain

import (
	"fmt"
	"strings"
	"unicode"
)

// maxShown is how much of one foreign text is shown, in bytes.
const maxShown = 300

// word returns foreign text for a terminal: as it is if it is one word of
// characters that cannot mean anything to a terminal or be taken for words of
// this program, and otherwise cut and quoted.
func word(text string) string {
	const plain = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.:/@+=$"
	if text != "" && len(text) <= maxShown && strings.Trim(text, plain) == "" {
		return text
	}
	return quoted(text)
}

// phrase returns foreign text for a line of its own, uncut: as it is if it is
// printable ASCII, and otherwise quoted.
func phrase(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Sprintf("%+q", text)
	}
	return text
}

// quoted returns foreign text in quotes, cut if it is long.
func quoted(text string) string {
	if len(text) > maxShown {
		return fmt.Sprintf("%q…", text[:maxShown])
	}
	return fmt.Sprintf("%q", text)
}

// sentences returns text of this program, such as an error's, in lines. It
// quotes what is foreign in it, but what it got from libraries may not, so a
// line with anything unprintable in it is quoted whole.
func sentences(text string) []string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			lines[i] = fmt.Sprintf("%q", line)
		}
	}
	return lines
}
