package doctor

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Layout says how a Report is written as text.
type Layout struct {
	// Color shows verdicts in color.
	Color bool
	// All lists every check in the order of a login, instead of only problems.
	All bool
}

const (
	// columns is the line length of text. Remedies are never wrapped, so that they can be
	// copied.
	columns = 80
	// margin is the indentation of text.
	margin = 13
)

// WriteText writes the Report for people: the problems, each with what to try and the
// number of checks that were skipped because of it, or every check. The result comes
// last.
func (r Report) WriteText(w io.Writer, layout Layout) error {
	p := page{layout: layout}
	if layout.All {
		for _, c := range r.Checks {
			p.check(c, 0)
		}
	} else {
		r.problems(&p)
	}
	p.text.WriteString(r.result(layout.All) + "\n")
	_, err := io.WriteString(w, p.text.String())
	return err
}

func (r Report) problems(p *page) {
	skips := r.skips()
	for _, verdict := range []Verdict{Broken, Warning} {
		for _, c := range r.Checks {
			if c.Verdict == verdict {
				p.check(c, skips[c.ID])
			}
		}
	}
	for _, c := range r.unknown() {
		p.check(c, 0)
	}
}

// skips returns, for each check, the number of checks that were skipped because of it,
// directly or through others.
func (r Report) skips() map[string]int {
	byID := map[string]Check{}
	for _, c := range r.Checks {
		byID[c.ID] = c
	}
	skips := map[string]int{}
	for _, c := range r.Checks {
		cause := c
		for range r.Checks { // at most one step for each check
			if cause.Because == "" {
				break
			}
			cause = byID[cause.Because]
		}
		if cause.ID != c.ID {
			skips[cause.ID]++
		}
	}
	return skips
}

// unknown returns the checks that were not made, except those that were skipped because of
// another check and those that are not needed. Checks with the same remedy are combined.
func (r Report) unknown() []Check {
	var found []Check
	at := map[string]int{}
	for _, c := range r.Checks {
		if c.Verdict != NotChecked || c.Because != "" || strings.HasPrefix(c.Remedy, "nothing") {
			continue
		}
		i, seen := at[c.Remedy]
		if !seen {
			at[c.Remedy] = len(found)
			found = append(found, c)
			continue
		}
		found[i].Title += ", " + c.Title
		found[i].Found = ""
	}
	return found
}

// result returns the last line.
func (r Report) result(all bool) string {
	count := map[Verdict]int{}
	for _, c := range r.Checks {
		count[c.Verdict]++
	}
	line := fmt.Sprintf("RESULT: %s (broken: %d, warnings: %d, ok: %d, not checked: %d)",
		r.Verdict, count[Broken], count[Warning], count[OK], count[NotChecked])
	if !all {
		line += "; -v lists all"
	}
	return line
}

// page is text under construction.
type page struct {
	layout Layout
	text   strings.Builder
}

// check writes one check, and the number of checks that were skipped because of it.
func (p *page) check(c Check, skips int) {
	verdict := fmt.Sprintf("%-*s", margin, c.Verdict)
	if p.layout.Color {
		verdict = "\x1b[" + map[Verdict]string{OK: "1;32", Warning: "1;33", Broken: "1;31", NotChecked: "1"}[c.Verdict] + "m" + verdict + "\x1b[0m"
	}
	p.text.WriteString(verdict)
	text := c.Title
	if c.Found != "" {
		text += ": " + c.Found
	}
	p.fill(text)
	indent := strings.Repeat(" ", margin)
	if c.Verdict != OK && c.Because == "" {
		p.text.WriteString(indent + "try: " + c.Remedy + "\n")
	}
	if skips > 0 {
		p.text.WriteString(indent + fmt.Sprintf("checks skipped because of this: %d\n", skips))
	}
}

// fill writes words in indented lines. The first line has begun already.
func (p *page) fill(text string) {
	column := margin
	for i, word := range strings.Fields(text) {
		width := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+width > columns:
			p.text.WriteString("\n" + strings.Repeat(" ", margin))
			column = margin
		default:
			p.text.WriteByte(' ')
			column++
		}
		p.text.WriteString(word)
		column += width
	}
	p.text.WriteByte('\n')
}
