package doctor

import (
	"encoding/json"
	"fmt"
	"io"

	"eic/internal/printable"
)

// Verdict is how a check ended.
type Verdict string

// The verdicts. NotChecked says nothing for or against the host.
const (
	OK         Verdict = "ok"
	Warning    Verdict = "warning"
	Broken     Verdict = "broken"
	NotChecked Verdict = "not checked"
)

// schema is the version of the JSON that WriteJSON writes. It goes up when a
// field changes its meaning or goes away, not when one is added.
const schema = 1

// Finding is what one check found.
type Finding struct {
	Verdict Verdict `json:"verdict"`
	// Found is one line of printable text; foreign text in it is quoted.
	Found string `json:"found"`
	// Remedy says what to do about it. It is empty if and only if the verdict
	// is OK.
	Remedy string `json:"remedy"`
}

// Check is one check and its Finding.
type Check struct {
	// ID is lower-case words joined by hyphens. It stays the same from version
	// to version, for programs to go by; Title is for people.
	ID    string `json:"id"`
	Title string `json:"title"`
	Finding
}

// Report is the outcome of all checks, in the order in which they are listed.
type Report struct {
	Schema int     `json:"schema"`
	Checks []Check `json:"checks"`
	// Verdict is Broken if a check's is, else Warning if a check's is, else OK.
	Verdict Verdict `json:"verdict"`
}

func (r *Report) add(id, title string, f Finding) {
	f.Found, f.Remedy = printable.Line(f.Found), printable.Line(f.Remedy)
	r.Checks = append(r.Checks, Check{ID: id, Title: title, Finding: f})
	switch {
	case f.Verdict == Broken, r.Verdict == Broken:
		r.Verdict = Broken
	case f.Verdict == Warning:
		r.Verdict = Warning
	}
}

// WriteJSON writes the report as one JSON object:
//
//	{"schema": 1, "checks": [{"id", "title", "verdict", "found", "remedy"}, …], "verdict"}
func (r Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteText writes one line a check, and after each that is not OK a line with
// the remedy.
func (r Report) WriteText(w io.Writer) error {
	for _, c := range r.Checks {
		if _, err := fmt.Fprintf(w, "%-12s %s: %s\n", c.Verdict, c.Title, c.Found); err != nil {
			return err
		}
		if c.Verdict == OK {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-12s remedy: %s\n", "", c.Remedy); err != nil {
			return err
		}
	}
	return nil
}

func ok(format string, args ...any) Finding {
	return Finding{Verdict: OK, Found: fmt.Sprintf(format, args...)}
}

func warning(remedy, format string, args ...any) Finding {
	return Finding{Verdict: Warning, Found: fmt.Sprintf(format, args...), Remedy: remedy}
}

func broken(remedy, format string, args ...any) Finding {
	return Finding{Verdict: Broken, Found: fmt.Sprintf(format, args...), Remedy: remedy}
}

func notChecked(remedy, format string, args ...any) Finding {
	return Finding{Verdict: NotChecked, Found: fmt.Sprintf(format, args...), Remedy: remedy}
}
