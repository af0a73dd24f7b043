package hosttest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/test/host"
)

// eicAsRoot runs a command of eic as root, on a host where eic is installed.
func eicAsRoot(t *testing.T, h *host.Host, args ...string) host.Result {
	t.Helper()
	result := Capture(t, h.Command("root", host.Binary, args...))
	t.Logf("eic %q: exit status %d\n%s%s", args, result.Status, result.Stdout, result.Stderr)
	return result
}

// Change runs eic enable or eic disable, waits until the reloaded sshd listens again, and returns
// the output.
func Change(t *testing.T, h *host.Host, args ...string) host.Result {
	t.Helper()
	h.Log.Forget()
	result := eicAsRoot(t, h, args...)
	require.Zero(t, result.Status)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, h.Log.Wait(ctx, "sshd", "Server listening"))
	return result
}
