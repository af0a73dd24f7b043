package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/doctor"
)

// A flag of authorized-keys that doctor does not know would look like a mistake
// in sshd's configuration.
func TestDoctorKnowsEveryFlagOfAuthorizedKeys(t *testing.T) {
	var help bytes.Buffer
	require.Zero(t, runAuthorizedKeys(t.Context(), []string{"--help"}, nil, &help, &help))
	flags := regexp.MustCompile(`(?m)^ +(--[a-z-]+)`).FindAllStringSubmatch(help.String(), -1)
	require.NotEmpty(t, flags)
	for _, flag := range flags {
		_, _, err := parseKeysArguments(t.Context(), 0, []string{flag[1]})
		require.NotContains(t, err.Error(), "unknown flag")
	}
}

func TestDoctorReadsSSHDsArgumentsAsAuthorizedKeysDoes(t *testing.T) {
	_, call, err := parseKeysArguments(t.Context(), 0, []string{"--domain", "example.com", "--", "root", doctor.NobodysFingerprint})
	require.NoError(t, err)
	require.Equal(t, []string{"--domain", "example.com"}, call.Flags)
	require.Equal(t, "root", call.User)
	require.Equal(t, doctor.NobodysFingerprint, call.Fingerprint)

	_, _, err = parseKeysArguments(t.Context(), 0, []string{"--chain", "/usr/bin/keys %u %f", "root"})
	require.ErrorContains(t, err, "expected FINGERPRINT behind USER")

	for args, reason := range map[string]string{
		"":                             "too few arguments, expected USER [FINGERPRINT]",
		"root a b":                     `unexpected argument "b"`,
		"root --log=stderr":            `"--log=stderr" stands behind USER, expected flags before it`,
		"root short":                   `the fingerprint is "short"`,
		"--budget=0s root":             "--budget",
		"--log=file root":              "--log",
		"--config=/does/not root":      "--config",
		"--no-instance-check root":     "only for use with --imds-endpoint",
		"--imds-endpoint=ftp://a root": "--imds-endpoint",
	} {
		_, _, err := parseKeysArguments(t.Context(), 0, strings.Fields(args))
		require.ErrorContains(t, err, reason, args)
	}
}

// Flags given to doctor are handed on, its own and those of a configuration
// file aside.
func TestDoctorHandsFlagsOn(t *testing.T) {
	var t1 terms
	flags := newFlags("doctor", "", "")
	flags.Bool("json", false, "")
	t1.register(flags)
	require.NoError(t, flags.Parse([]string{"--json", "--domain=a.example", "--domain", "b.example", "--no-instance-check", "--imds-endpoint", "http://192.0.2.1"}))
	require.ElementsMatch(t, []string{
		"--domain=a.example", "--domain=b.example", "--no-instance-check=true", "--imds-endpoint=http://192.0.2.1",
	}, givenFlags(flags, []string{"json"}))
	require.Nil(t, givenFlags(newFlags("doctor", "", ""), nil))
}

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

func TestTrustAnchorsThatCannotBeRead(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err := anchorsOf(t.Context(), terms{anchors: empty}, "amazonaws.com")
	require.ErrorContains(t, err, "no certificate in it")
	_, err = anchorsOf(t.Context(), terms{anchors: empty + "none"}, "amazonaws.com")
	require.ErrorIs(t, err, os.ErrNotExist)
	pool, err := anchorsOf(t.Context(), terms{anchors: "auto"}, "amazonaws.com")
	require.NoError(t, err)
	require.NotNil(t, pool)
}
