// Package printable makes untrusted text safe to display.
//
// Text from the network, from files and from other programs can contain sequences that
// control a terminal, newlines that end a log record, or text that imitates this
// program's own messages. Each function makes text safe for one kind of output. Its
// result is valid UTF-8 and contains only characters accepted by unicode.IsPrint, and
// those that the function's comment names.
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

// maxWord is how many bytes of a text Word shows.
const maxWord = 300

// Quote returns the text in double quotes, escaped as a Go string, with at most limit
// bytes between the quotes. An ellipsis marks a text that was cut.
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

// Short returns the text unchanged if it is printable and at most limit bytes long, or
// else as Quote does.
func Short(text string, limit int) string {
	if len(text) <= limit && clean(text) {
		return text
	}
	return Quote(text, limit)
}

// Word returns the text unchanged if it is a single word without special characters, or
// else as Quote does, cut to 300 bytes. A reader cannot mistake the result for a message
// of this program.
func Word(text string) string {
	const plain = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.:/@+=$"
	if text != "" && len(text) <= maxWord && strings.Trim(text, plain) == "" {
		return text
	}
	return Quote(text, maxWord)
}

// ASCII returns the whole text for a line of its own: unchanged if it is printable ASCII,
// or else in double quotes with all other characters escaped.
func ASCII(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Sprintf("%+q", text)
	}
	return text
}

// Line returns the text on one line, with unprintable characters escaped as in a Go
// string. It is for messages of this program that contain untrusted text which a library
// did not quote.
func Line(text string) string {
	return escape(text, "")
}

// Text is Line for text of several lines: it keeps newlines and tabs.
func Text(text string) string {
	return escape(text, "\n\t")
}

// JSON escapes every unprintable character in a JSON document. It keeps newlines, which
// occur only between values.
func JSON(document string) string {
	var b strings.Builder
	for _, c := range document {
		switch {
		case c == '\n' || unicode.IsPrint(c): // in JSON, newlines occur only between values
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

// Writer writes each text to To as Text returns it.
type Writer struct{ To io.Writer }

func (w Writer) Write(b []byte) (int, error) {
	if _, err := io.WriteString(w.To, Text(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}
