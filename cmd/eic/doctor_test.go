package main

import (
	"bytes"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/doctor"
)

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// The exit status is that of a broken host, so what is broken has to be said.
func TestAReportThatCannotBeWritten(t *testing.T) {
	report := doctor.Report{Checks: []doctor.Check{{ID: "path", Finding: doctor.Finding{Verdict: doctor.OK}}}, Verdict: doctor.OK}
	for _, asJSON := range []bool{false, true} {
		var stderr bytes.Buffer
		require.Equal(t, exitBroken, printReport(report, asJSON, full{}, &stderr))
		require.Equal(t, "eic doctor: writing the report: no space left on device\n", stderr.String())
	}
}
