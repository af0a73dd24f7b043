// Package hostile runs the program in a hostile environment: with hostile environment
// variables, and with hostile answers of the metadata service. The program must give the
// same answer as elsewhere, or refuse cleanly. It must not show a stack trace or write a
// file, and must keep to its limits of time and memory.
package hostile

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim/imds"
	"eic/test/host"
	"eic/test/host/hosttest"
	"eic/test/trial"
)

const user = "alice"

func TestMain(m *testing.M) {
	trial.MeasureIfAsked()
	trial.Parallel(16)
	os.Exit(hosttest.Main(m, host.Build))
}

// pushed starts a host, pushes a key for the user, and returns the output that is expected.
func pushed(t *testing.T, options host.Options) (*host.Host, string) {
	t.Helper()
	options.Users = append(options.Users, user)
	h := hosttest.Bare(t, options)
	require.NoError(t, h.Install())
	key := hosttest.NewKey(t, h, "key")
	hosttest.Push(t, h, user, key)
	line, err := os.ReadFile(key + ".pub")
	require.NoError(t, err)
	return h, string(line)
}

// arguments returns the arguments that the packages configure, with the simulator's roots.
func arguments(user string) []string {
	return []string{"authorized-keys", "--trust-anchors", host.TrustAnchors, user}
}

// requests returns the number of requests to the host's metadata service at a stage.
func requests(h *host.Host, stage imds.Stage) int { return h.Sim.Stats().Requests[stage] }
