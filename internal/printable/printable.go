// Package printable makes foreign text fit to be shown.
//
// Text from the network, from files and from other programs can hold what steers
// a terminal, ends a line of a log, or looks like words of this program. Each
// function makes it harmless for one kind of place. What it returns is valid
// UTF-8 and has only characters that unicode.IsPrint knows, besides those its
// comment names.
package printable

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// maxWord is how much of one foreign text a Word shows, in bytes.
const maxWord = 300

// Quote returns the text in double quotes, as Go writes a string, and of that at
// most limit bytes between them. An ellipsis says that it was cut.
func Quote(text string, limit int) string {
	quoted := []byte{'"'}
	for text != "" {
		_, size := utf8.DecodeRuneInString(text)
		character := strconv.Quote(text[:size])
		character = character[1 : len(character)-1]
		if len(quoted)+len(character) > limit+1 {
			quoted = append(quoted, "…"...)
			break
		}
		quoted, text = append(quoted, character...), text[size:]
	}
	return string(append(quoted, '"'))
}

// Short returns the text as it is if it is printable and at most limit bytes
// long, and otherwise as Quote does.
func Short(text string, limit int) string {
	if len(text) <= limit && clean(text) {
		return text
	}
	return Quote(text, limit)
}

// Word returns the text as it is if it is one word that no reader can take for
// words of this program, and otherwise as Quote does, of at most 300 bytes.
func Word(text string) string {
	const plain = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.:/@+=$"
	if text != "" && len(text) <= maxWord && strings.Trim(text, plain) == "" {
		return text
	}
	return Quote(text, maxWord)
}

// ASCII returns the text, uncut, for a line of its own: as it is if it is
// printable ASCII, and otherwise in double quotes with all else escaped.
func ASCII(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Sprintf("%+q", text)
	}
	return text
}

// Line returns the text in one line, with what is not printable escaped as in a
// string of Go. It is meant for sentences of this program with foreign text in
// them that a library did not quote.
func Line(text string) string {
	return escape(text, "")
}

// Text is Line for several lines: newlines and tabs stay.
func Text(text string) string {
	return escape(text, "\n\t")
}

// JSON returns a JSON document with every character escaped that is not
// printable. Newlines between its values stay.
func JSON(document string) string {
	var b strings.Builder
	for _, c := range document {
		switch {
		case c == '\n' || unicode.IsPrint(c): // JSON has newlines only between values
			b.WriteRune(c)
		case c <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.String()
}

func clean(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

func escape(text, kept string) string {
	if clean(text) {
		return text
	}
	var b strings.Builder
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		character := text[:size]
		text = text[size:]
		if !strings.ContainsRune(kept, r) && (!unicode.IsPrint(r) || !utf8.ValidString(character)) {
			character = strconv.Quote(character)
			character = character[1 : len(character)-1]
		}
		b.WriteString(character)
	}
	return b.String()
}

// Writer hands on what is written to it as Text makes it, each Write for itself.
type Writer struct{ To io.Writer }

func (w Writer) Write(b []byte) (int, error) {
	if _, err := io.WriteString(w.To, Text(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}
