package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
	"eic/test/host/hosttest"
)

// An administrator asks as the user whom sshd's command runs as, on an instance
// whose firmware says which one it is. The answer is what happens at the login, the
// system log knows nothing of the question, and what was kept can be judged by
// somebody else.
func TestExplainSaysWhatHappensAtTheLogin(t *testing.T) {
	const kept = "/run/kept"
	h := hosttest.Start(t, host.Options{}, host.Packaged)
	explain := func(user string, args ...string) host.Result {
		args = append([]string{"explain", "--trust-anchors=" + host.TrustAnchors}, args...)
		return hosttest.Capture(t, h.Command(user, host.Binary, args...))
	}
	key := hosttest.NewKey(t, h, "key")
	before := explain(host.ServiceUser, "alice")
	require.Equal(t, 3, before.Status, before.Stdout)
	require.Contains(t, before.Stdout, "This machine is EC2 instance i-0123456789abcdef0 (Nitro, from its board asset tag)\n")
	require.Contains(t, before.Stdout, "Answer: no key; nobody pushed a key for user \"alice\" in the last minute\n")

	id := hosttest.Push(t, h, "alice", key)
	after := explain(host.ServiceUser, "alice", hosttest.Fingerprint(t, key, "sha256"))
	require.Zero(t, after.Status, after.Stdout)
	require.Contains(t, after.Stdout, "\n  request id    "+id+"\n")
	require.Contains(t, after.Stdout, "\nAnswer: the key would be printed\n")

	asRoot := explain("root", "--save="+kept, "alice")
	require.Zero(t, asRoot.Status)
	require.Contains(t, asRoot.Stdout, "\nsshd lets alice log in with a pushed key\n")
	require.Empty(t, h.Log.Texts("eic"), "a question of an administrator is no event")
	hosttest.RequireLogin(t, h, "alice", key)
	require.NotEmpty(t, h.Log.Texts("eic"))

	again := hosttest.Capture(t, h.Command("root", host.Binary, "verify", kept))
	require.Zero(t, again.Status, again.Stderr)
	require.Contains(t, again.Stdout, "\n  request id    "+id+"\n")
	others := hosttest.Capture(t, h.Command(host.ServiceUser, host.Binary, "verify", kept))
	require.Equal(t, 1, others.Status)
	require.Contains(t, others.Stderr, "permission denied", "evidence is for its owner")
}
