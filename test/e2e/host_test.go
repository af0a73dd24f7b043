// Package e2e logs in with a real ssh, through a real sshd that runs eic as the packages
// configure it, with keys that AWS's own client pushes.
//
// Each part has its own tests elsewhere. The tests here need all of them together.
package e2e

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/test/host"
	"eic/test/host/hosttest"
)

func TestMain(m *testing.M) { os.Exit(hosttest.Main(m, host.Build)) }

// providing returns the line that eic logs for a printed key.
func providing(fingerprint, requestID string) string {
	return "Providing ssh key from EC2 Instance Connect with fingerprint: " + fingerprint +
		", request-id: " + requestID + ", for IAM principal: " + sim.DefaultCaller
}

// requireProvided requires that eic logged the given lines in each of sshd's two runs, and
// forgets the log.
func requireProvided(t *testing.T, h *host.Host, lines ...string) {
	t.Helper()
	// sshd runs the command twice for a key that it accepts.
	require.Equal(t, append(lines, lines...), h.Log.Texts("eic"))
	h.Log.Forget()
}
