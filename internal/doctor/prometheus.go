package doctor

import (
	"fmt"
	"io"
	"strings"
)

// WritePrometheus writes the Report in Prometheus's text format, for the textfile
// collector of its node exporter.
func (r Report) WritePrometheus(w io.Writer) error {
	var b strings.Builder
	metric := func(name, help string) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
	}
	metric("eic_doctor_check", "A check of eic doctor: 0 ok, 1 warning, 2 broken, 3 not checked.")
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "eic_doctor_check{id=%q} %d\n", c.ID, c.Verdict.number())
	}
	metric("eic_doctor_verdict", "The worst of all checks: 0 ok, 1 warning, 2 broken.")
	fmt.Fprintf(&b, "eic_doctor_verdict %d\n", r.Verdict.number())
	metric("eic_doctor_time_seconds", "When eic doctor ran, in Unix time.")
	fmt.Fprintf(&b, "eic_doctor_time_seconds %d\n", r.Time.Unix())
	if !r.SignerUntil.IsZero() {
		metric("eic_signer_days_left", "Days until the signer or one of its staples expires.")
		fmt.Fprintf(&b, "eic_signer_days_left %.3f\n", r.SignerUntil.Sub(r.Time).Hours()/24)
	}
	if r.ClockOffset != nil {
		metric("eic_clock_offset_seconds", "By how much this clock is ahead of the metadata service's.")
		fmt.Fprintf(&b, "eic_clock_offset_seconds %.3f\n", r.ClockOffset.Ahead.Seconds())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// number returns the exit status of monitoring plugins for a verdict.
func (v Verdict) number() int {
	return map[Verdict]int{Warning: 1, Broken: 2, NotChecked: 3}[v]
}

// ExitStatus returns the exit status of a monitoring plugin: 0 ok, 1 warning, 2 critical.
func (r Report) ExitStatus() int { return r.Verdict.number() }
