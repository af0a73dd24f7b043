package explain

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"eic/internal/printable"
)

// width is the line length of prose, in characters. Messages, values and commands are
// never wrapped.
const width = 78

// tone is the meaning of a heading for a login, shown as a color.
type tone string

// The tones, as ECMA-48 (8.3.117, SGR) parameters.
const (
	plainly  tone = "1"    // bold
	good     tone = "1;32" // green
	doubtful tone = "1;33" // yellow
	bad      tone = "1;31" // red
)

// page is text under construction.
type page struct {
	text  strings.Builder
	color bool
}

// heading starts a section.
func (p *page) heading(t tone, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if p.text.Len() != 0 {
		p.text.WriteByte('\n')
	}
	if p.color {
		line = "\x1b[" + string(t) + "m" + line + "\x1b[0m"
	}
	p.text.WriteString(line + "\n")
}

func (p *page) line(format string, args ...any) {
	p.text.WriteString("  " + fmt.Sprintf(format, args...) + "\n")
}

// field writes a name and its value. The name may be empty.
func (p *page) field(name, value string) {
	p.line("%-13s %s", name, value)
}

// message writes the text of an error as in the system log, on one line, so that it can
// be searched for.
func (p *page) message(indent, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		p.line("%s%s", indent, printable.Line(line))
	}
}

// paragraph writes text, wrapped to the width.
func (p *page) paragraph(text string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			p.line("%s", line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	p.line("%s", line)
}

func (p *page) remedy(r Remedy) {
	if r.Text == "" {
		return
	}
	p.paragraph("What to do: " + r.Text)
	for _, command := range r.Commands {
		p.line("    %s", command)
	}
}
