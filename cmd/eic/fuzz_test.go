package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/authorize"
	"eic/internal/instance"
)

// FuzzCommandLine passes any user and any fingerprint as sshd does, on a machine that is not an
// EC2 instance. The user must never be taken for a flag, and nothing may be printed.
func FuzzCommandLine(f *testing.F) {
	const fingerprint = "SHA256:BCm+kxkhe6Uei6qbFliL2yTURChxYQQehGcrUQ3kgEM"
	for _, user := range []string{"alice", "", "-", "--", "-h", "--help", "--chain=/bin/id", "--config=/x", "--imds-endpoint=http://192.0.2.1", "version", "a\x00b", "a\nb"} {
		f.Add(user, fingerprint, true, false)
		f.Add(user, "", false, true)
	}
	f.Add("alice", "SHA256:short", true, false)
	f.Add("alice", "--help", true, false)
	// On an EC2 instance, it would ask the real metadata service, and confine the fuzzer itself.
	machine, err := instance.Identify(os.DirFS("/"))
	require.NoError(f, err)
	require.Equal(f, instance.Identity{Platform: instance.None}, machine,
		"this machine is an EC2 instance; run the target on another machine, or mask /sys/devices/virtual/dmi and /sys/hypervisor")
	f.Fuzz(func(t *testing.T, user, fingerprint string, given, old bool) {
		args := []string{"eic", "authorized-keys", "--log=stderr", "--", user}
		if old {
			args = []string{"/usr/bin/" + oldName, user} // this name logs usage errors to the system log, so it gets no fingerprint
		} else if given {
			args = append(args, fingerprint)
		}
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), args, nil, &stdout, &stderr)
		require.Empty(t, stdout.String())
		if !old && given && !authorize.ValidFingerprint(fingerprint) {
			require.Equal(t, exitUsage, status)
			return
		}
		require.Equal(t, exitOK, status, stderr.String())
		require.Empty(t, stderr.String())
	})
}
