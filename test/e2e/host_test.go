// Package e2e logs in: a real ssh, through a real sshd that runs eic by the command
// line of the packages, with keys pushed by AWS's own client.
//
// What every part does by itself is tested where the part is; here is what shows
// only when all of them meet.
package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/test/host"
)

func TestMain(m *testing.M) { os.Exit(host.Run(host.Build, m.Run)) }

// start starts a host with the users alice and bob, where eic is installed and sshd
// runs with the given lines of configuration.
func start(t *testing.T, options host.Options, config string) *host.Host {
	t.Helper()
	options.Users = append(options.Users, "alice", "bob")
	h, err := host.Start(options)
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			for _, line := range h.Log.Lines("") {
				t.Logf("%s: %s", line.Program, line.Text)
			}
		}
		require.NoError(t, h.Close())
	})
	require.NoError(t, h.Install())
	require.NoError(t, h.Configure(config))
	require.NoError(t, h.StartSSHD())
	return h
}

func newKey(t *testing.T, h *host.Host, name string) string {
	t.Helper()
	key, err := h.NewKey(name, "ed25519")
	require.NoError(t, err)
	return key
}

// push pushes a key through the API and returns the request id.
func push(t *testing.T, h *host.Host, user, key string) string {
	t.Helper()
	id, err := h.Service().Push(t.Context(), user, key)
	require.NoError(t, err)
	return id
}

func capture(t *testing.T, cmd *exec.Cmd) host.Result {
	t.Helper()
	result, err := host.Capture(t.Context(), cmd)
	require.NoError(t, err)
	return result
}

func requireLogin(t *testing.T, h *host.Host, user, key string) {
	t.Helper()
	require.Equal(t, host.Result{Stdout: user + "\n"}, capture(t, h.SSH(user, key, "whoami")))
}

func requireNoLogin(t *testing.T, h *host.Host, user, key string) {
	t.Helper()
	result := capture(t, h.SSH(user, key, "whoami"))
	require.Equal(t, 255, result.Status)
	require.Empty(t, result.Stdout)
	require.Contains(t, result.Stderr, "Permission denied (publickey)")
}

// fingerprint is what ssh-keygen says is a key's fingerprint, in the form of a hash,
// "sha256" or "md5".
func fingerprint(t *testing.T, key, hash string) string {
	t.Helper()
	out, err := exec.Command("ssh-keygen", "-l", "-E", hash, "-f", key+".pub").Output()
	require.NoError(t, err)
	return strings.Fields(string(out))[1]
}

// providing is the line that is logged for a key that is printed.
func providing(fingerprint, requestID string) string {
	return "Providing ssh key from EC2 Instance Connect with fingerprint: " + fingerprint +
		", request-id: " + requestID + ", for IAM principal: " + sim.DefaultCaller
}

// requireProvided wants the log of eic to say of each run since it was last looked
// at that it printed the given keys.
func requireProvided(t *testing.T, h *host.Host, lines ...string) {
	t.Helper()
	// sshd asks twice about a key that it accepts.
	require.Equal(t, append(lines, lines...), h.Log.Texts("eic"))
	h.Log.Forget()
}
