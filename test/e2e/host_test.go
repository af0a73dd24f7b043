// Package e2e logs in: a real ssh, through a real sshd that runs eic by the command
// line of the packages, with keys pushed by AWS's own client.
//
// What every part does by itself is tested where the part is; here is what shows
// only when all of them meet.
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
