package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/test/host"
)

// command is the configuration with more flags than the packaged one has.
func command(flags string) string {
	return "AuthorizedKeysCommand " + host.Binary + " authorized-keys --trust-anchors " + host.TrustAnchors +
		" " + flags + " %u %f\n" + host.RunAsServiceUser
}

func TestSessionKnowsItsCaller(t *testing.T) {
	h := start(t, host.Options{}, command("--caller-env")+"PermitUserEnvironment EIC_*\n")
	key := newKey(t, h, "key")
	id := push(t, h, "alice", key)
	require.Equal(t, host.Result{Stdout: sim.DefaultCaller + "\n" + id + "\n"},
		capture(t, h.SSH("alice", key, "printenv", "EIC_CALLER", "EIC_REQUEST")))
}

func TestKeyOptionsBindTheSession(t *testing.T) {
	h := start(t, host.Options{}, command(`--key-options "restrict,command=\"echo $USER may not\""`))
	key := newKey(t, h, "key")
	push(t, h, "alice", key)
	require.Equal(t, host.Result{Stdout: "alice may not\n"}, capture(t, h.SSH("alice", key, "whoami")))
}
