// Package hosttest has helpers for tests that log in to a throwaway host. A helper that fails
// also fails the test.
package hosttest

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
	"eic/test/needs"
)

// Main runs the tests of a package inside of host.Run, and returns their status. If this machine
// cannot have a host, Main runs the tests without one. Tests that start a host are then skipped
// or fail, as package needs says.
func Main(m *testing.M, prepare func(ctx context.Context, dir string) error) int {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 || len(host.Missing(host.Needed()...)) > 0 {
		return m.Run()
	}
	return host.Run(prepare, m.Run)
}

// Bare starts a host with nothing installed. It ends with the test. If the test fails, Bare
// prints the system log.
func Bare(t *testing.T, options host.Options) *host.Host {
	t.Helper()
	needs.Root(t)
	for _, program := range host.Needed() {
		needs.Tool(t, program)
	}
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
	return h
}

// Start starts a host with the users alice and bob, where eic is installed and
// sshd runs with the given lines of sshd_config(5).
func Start(t *testing.T, options host.Options, config string) *host.Host {
	t.Helper()
	options.Users = append(options.Users, "alice", "bob")
	h := Bare(t, options)
	require.NoError(t, h.Install())
	require.NoError(t, h.Configure(config))
	require.NoError(t, h.StartSSHD())
	return h
}

// NewKey generates an Ed25519 key pair and returns the file of the private key.
func NewKey(t *testing.T, h *host.Host, name string) string {
	t.Helper()
	key, err := h.NewKey(name, "ed25519")
	require.NoError(t, err)
	return key
}

// Push pushes a key through the API and returns the request id.
func Push(t *testing.T, h *host.Host, user, key string) string {
	t.Helper()
	id, err := h.Service().Push(t.Context(), user, key)
	require.NoError(t, err)
	return id
}

// Fingerprint returns the fingerprint of a key, as ssh-keygen prints it, for a hash function,
// "sha256" or "md5".
func Fingerprint(t *testing.T, key, hash string) string {
	t.Helper()
	return strings.Fields(Capture(t, exec.Command(host.SSHKeygen, "-l", "-E", hash, "-f", key+".pub")).Stdout)[1]
}

// Capture runs a command to its end.
func Capture(t *testing.T, cmd *exec.Cmd) host.Result {
	t.Helper()
	result, err := host.Capture(t.Context(), cmd)
	require.NoError(t, err)
	return result
}

// RequireLogin fails the test unless the key logs in as the user.
func RequireLogin(t *testing.T, h *host.Host, user, key string) {
	t.Helper()
	require.Equal(t, host.Result{Stdout: user + "\n"}, Capture(t, h.SSH(user, key, "whoami")))
}

// RequireNoLogin fails the test unless sshd refuses the key.
func RequireNoLogin(t *testing.T, h *host.Host, user, key string) {
	t.Helper()
	result := Capture(t, h.SSH(user, key, "whoami"))
	require.Equal(t, 255, result.Status)
	require.Empty(t, result.Stdout)
	require.Contains(t, result.Stderr, "Permission denied (publickey)")
}
