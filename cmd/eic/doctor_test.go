package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/doctor"
)

// full is an output on a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// The exit status is that of a broken host, so standard error must say what happened.
func TestUnwrittenReportIsAnError(t *testing.T) {
	report := doctor.Report{Checks: []doctor.Check{{ID: "path", Finding: doctor.Finding{Verdict: doctor.OK}}}, Verdict: doctor.OK}
	for _, x := range []examination{{}, {asJSON: true}} {
		var stderr bytes.Buffer
		require.Equal(t, exitBroken, x.print(report, full{}, &stderr))
		require.Equal(t, "eic doctor: writing the report: no space left on device\n", stderr.String())
		x.exit = exitAsNagios
		require.Equal(t, exitUnknown, x.print(report, full{}, &stderr))
	}
}

// Monitoring systems read Nagios's exit statuses, or a textfile for Prometheus, which must never
// be incomplete.
func TestNagiosStatusAndPrometheusTextfile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "eic.prom")
	for verdict, status := range map[doctor.Verdict]int{doctor.OK: 0, doctor.Warning: 1, doctor.Broken: 2} {
		x := examination{exit: exitAsNagios, textfile: name}
		var stdout, stderr bytes.Buffer
		require.Equal(t, status, x.print(doctor.Report{Verdict: verdict}, &stdout, &stderr))
		require.Empty(t, stderr.String())
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Contains(t, string(text), fmt.Sprintf("eic_doctor_verdict %d\n", status))
	}
	entries, err := os.ReadDir(filepath.Dir(name))
	require.NoError(t, err)
	require.Len(t, entries, 1)
	x := examination{textfile: "/does/not/exist/eic.prom"}
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitBroken, x.print(doctor.Report{Verdict: doctor.OK}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "no such file or directory")
}
