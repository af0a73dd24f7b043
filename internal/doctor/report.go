package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"eic/internal/lookup"
	"eic/internal/printable"
)

// Verdict is the outcome of a check.
type Verdict string

// The verdicts. NotChecked says nothing about the host.
const (
	OK         Verdict = "ok"
	Warning    Verdict = "warning"
	Broken     Verdict = "broken"
	NotChecked Verdict = "not checked"
)

// schema names the format of WriteJSON's output, docs/schema/doctor.json. Fields may be
// added. A change that a reader would misread needs a new name.
const schema = "eic.doctor/1"

// Finding is what one check found.
type Finding struct {
	Verdict Verdict `json:"verdict"`
	// Found is one line of printable text. Untrusted text in it is quoted.
	Found string `json:"found"`
	// Remedy says what to do about it. It is empty if and only if the verdict is OK.
	Remedy string `json:"remedy"`
	// Because is the ID of the check because of which this one was skipped.
	Because string `json:"because,omitempty"`
}

// Check is one check and its Finding.
type Check struct {
	// ID is lower-case words joined by hyphens. It never changes, so that programs can
	// rely on it. Title is for people.
	ID    string `json:"id"`
	Title string `json:"title"`
	Finding
}

// Report is the outcome of all checks, in the order of the list.
type Report struct {
	Schema string `json:"schema"`
	// Program is the name and version of the program that made the checks.
	Program string    `json:"program"`
	Time    time.Time `json:"time"`
	// Host is the name of the machine, and InstanceID the instance id from its identity
	// files, if any.
	Host       string `json:"host"`
	InstanceID string `json:"instance_id,omitempty"`
	// User is the user whose logins were checked, or empty if none was named.
	User string `json:"user,omitempty"`
	// Verdict is the worst verdict of all checks: Broken, Warning or OK.
	Verdict Verdict `json:"verdict"`
	Checks  []Check `json:"checks"`
	// SignerUntil is when the first certificate or staple of the signer expires. ClockOffset
	// compares this machine's clock with the metadata service's, or is nil.
	SignerUntil time.Time           `json:"signer_valid_until,omitzero"`
	ClockOffset *lookup.ClockOffset `json:"-"`
	// Keys is what sshd requires of a key for a login of User.
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

// skipped returns the Finding of a check that was skipped because of another check.
func skipped(because, format string, args ...any) Finding {
	f := notChecked("see the check "+because, format, args...)
	f.Because = because
	return f
}
