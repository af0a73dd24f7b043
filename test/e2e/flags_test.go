package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/test/host"
	"eic/test/host/hosttest"
)

// command returns the packages' configuration with more flags.
func command(flags string) string {
	return "AuthorizedKeysCommand " + host.Binary + " authorized-keys --trust-anchors " + host.TrustAnchors +
		" " + flags + " %u %f\n" + host.RunAsServiceUser
}

func TestCallerEnvReachesTheSession(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, command("--caller-env")+"PermitUserEnvironment EIC_*\n")
	key := hosttest.NewKey(t, h, "key")
	id := hosttest.Push(t, h, "alice", key)
	require.Equal(t, host.Result{Stdout: sim.DefaultCaller + "\n" + id + "\n"},
		hosttest.Capture(t, h.SSH("alice", key, "printenv", "EIC_CALLER", "EIC_REQUEST")))
}

func TestKeyOptionsRestrictTheSession(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, command(`--key-options "restrict,command=\"echo $USER may not\""`))
	key := hosttest.NewKey(t, h, "key")
	hosttest.Push(t, h, "alice", key)
	require.Equal(t, host.Result{Stdout: "alice may not\n"}, hosttest.Capture(t, h.SSH("alice", key, "whoami")))
}
