package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/authorize"
	"eic/internal/instance"
)

// FuzzCommandLine has sshd ask about any user and any fingerprint, on a machine that
// is no EC2 instance: whatever they are, the user is a user and nothing is printed.
func FuzzCommandLine(f *testing.F) {
	const fingerprint = "SHA256:BCm+kxkhe6Uei6qbFliL2yTURChxYQQehGcrUQ3kgEM"
	for _, user := range []string{"alice", "", "-", "--", "-h", "--help", "--chain=/bin/id", "--config=/x", "--imds-endpoint=http://192.0.2.1", "version", "a\x00b", "a\nb"} {
		f.Add(user, fingerprint, true, false)
		f.Add(user, "", false, true)
	}
	f.Add("alice", "SHA256:short", true, false)
	f.Add("alice", "--help", true, false)
	// On one, it would ask the real metadata service, and confine the fuzzer itself.
	machine, err := instance.Identify(os.DirFS("/"))
	require.NoError(f, err)
	require.Equal(f, instance.Identity{Platform: instance.None}, machine,
		"this machine is an EC2 instance; run the target on one that is none, or mask /sys/devices/virtual/dmi and /sys/hypervisor")
	f.Fuzz(func(t *testing.T, user, fingerprint string, given, old bool) {
		args := []string{"eic", "authorized-keys", "--log=stderr", "--", user}
		if old {
			args = []string{"/usr/bin/" + oldName, user} // which logs to the system's log, so it is not called wrongly
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

// FuzzFlags reads any arguments: what is taken for USER and FINGERPRINT is the end
// of them, and nothing in it has become a flag.
func FuzzFlags(f *testing.F) {
	for _, args := range []string{
		"alice", "--deny-user=root alice SHA256:x", "--budget 3s -- --help", "--log=stderr alice --log=syslog", "-h", "--domain", "--no-instance-check=maybe x",
		"- -", "--=x y", "-- -- --", "--caller-env alice", "--deny-user -- alice",
	} {
		f.Add(strings.ReplaceAll(args, " ", "\x00"))
	}
	f.Fuzz(func(t *testing.T, joined string) {
		args := strings.Split(joined, "\x00")
		flags := newFlags("authorized-keys", "USER [FINGERPRINT]", "")
		var wanted terms
		wanted.register(flags)
		var l logging
		l.register(flags)
		if flags.read(args, 1, 2) != nil {
			return
		}
		before := args[:len(args)-flags.NArg()]
		require.Equal(t, args[len(before):], flags.Args())
		if len(before) == 0 {
			require.Zero(t, flags.NFlag())
			return
		}
		require.True(t, strings.HasPrefix(before[0], "-"))
		again := newFlags("authorized-keys", "USER [FINGERPRINT]", "")
		var same terms
		same.register(again)
		l.register(again)
		require.NoError(t, again.Parse(before))
		require.Equal(t, wanted, same, "the arguments have changed a flag")
	})
}
