package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"eic/internal/lookup"
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

// schema names the form of the JSON that WriteJSON writes, docs/schema/doctor.json.
// Fields may be added to it; a change that a reader would misread gets another
// name.
const schema = "eic.doctor/1"

// Finding is what one check found.
type Finding struct {
	Verdict Verdict `json:"verdict"`
	// Found is one line of printable text; foreign text in it is quoted.
	Found string `json:"found"`
	// Remedy says what to do about it. It is empty if and only if the verdict
	// is OK.
	Remedy string `json:"remedy"`
	// Because is the ID of the check whose outcome kept this one from being
	// made.
	Because string `json:"because,omitempty"`
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
	Schema string `json:"schema"`
	// Program is the program that examined, with its version.
	Program string    `json:"program"`
	Time    time.Time `json:"time"`
	// Host is the machine's name, and InstanceID what it says of itself, if it
	// does.
	Host       string `json:"host"`
	InstanceID string `json:"instance_id,omitempty"`
	// User is whose logins were asked about, or empty if nobody was named.
	User string `json:"user,omitempty"`
	// Verdict is Broken if a check's is, else Warning if a check's is, else OK.
	Verdict Verdict `json:"verdict"`
	Checks  []Check `json:"checks"`
	// SignerUntil is when the signer stops being trustworthy. Clock compares
	// this machine's clock with the metadata service's.
	SignerUntil time.Time     `json:"signer_valid_until,omitzero"`
	Clock       *lookup.Clock `json:"-"`
	// Keys is what sshd demands of a key for a login of User.
	Keys KeyPolicy `json:"-"`
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

// WriteJSON writes the report as one JSON object, docs/schema/doctor.json.
func (r Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
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

// skipped is the Finding of a check that cannot be made because of another's
// outcome.
func skipped(because, format string, args ...any) Finding {
	f := notChecked("see the check "+because, format, args...)
	f.Because = because
	return f
}
