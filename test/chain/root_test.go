package chain

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/argv"
	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/test/host"
	"eic/test/host/hosttest"
)

// startAsRoot is start for a command that needs root: sshd runs eic as root, and eic
// becomes the service user.
func startAsRoot(t *testing.T, options host.Options, chained string, flags ...string) *host.Host {
	t.Helper()
	args := append([]string{host.Binary, "authorized-keys", "--trust-anchors", host.TrustAnchors,
		"--run-as", host.ServiceUser, "--chain", argv.Escape(chained)}, flags...)
	return hosttest.Start(t, options, "AuthorizedKeysCommand "+argv.Quote(args)+" %u %f\nAuthorizedKeysCommandUser root\n")
}

// A user record keeps its keys in the part that only root may read.
func TestUserdbctlReadsPrivilegedRecordsBesidePushedKeys(t *testing.T) {
	h := startAsRoot(t, host.Options{}, userdbctl+" ssh-authorized-keys %u")
	recorded, pushed := hosttest.NewKey(t, h, "recorded"), pushedKey(t, h, "alice")
	addRecord(t, h, recorded)
	require.NoError(t, os.Chmod(h.Path("/run/userdb/bob.user-privileged"), 0o600))
	hosttest.RequireLogin(t, h, "bob", recorded)
	hosttest.RequireLogin(t, h, "alice", pushed)
	hosttest.RequireNoLogin(t, h, "alice", recorded)
}

// The command runs as root; the program that reads from the network does not, in none of
// its threads, and has nothing left by which it could be root again.
func TestOnlyTheChainedCommandIsRoot(t *testing.T) {
	const dir = "/run/seen"
	script := `eic=$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$PPID/status)
for i in $(seq 200); do grep -q '^Uid:[[:space:]]0' /proc/$eic/status || break; sleep 0.02; done
cat /proc/$eic/task/*/status >` + dir + `/threads
id -u >` + dir + `/command
cat /etc/neighbor.keys`
	h := startAsRoot(t, host.Options{}, "/opt/neighbor/keys %u", "--budget", "10s")
	require.NoError(t, os.Mkdir(h.Path(dir), 0o700))
	neighbor(t, h, script)
	own := hosttest.NewKey(t, h, "own")
	require.NoError(t, h.WriteFile("/etc/neighbor.keys", []byte(public(t, own)+"\n")))
	require.NoError(t, os.Chmod(h.Path("/etc/neighbor.keys"), 0o600))
	hosttest.RequireLogin(t, h, "bob", own)
	hosttest.RequireLogin(t, h, "alice", pushedKey(t, h, "alice"))

	command, err := os.ReadFile(h.Path(dir + "/command"))
	require.NoError(t, err)
	require.Equal(t, "0\n", string(command))
	threads, err := os.ReadFile(h.Path(dir + "/threads"))
	require.NoError(t, err)
	id := serviceUserID(t, h)
	for field, want := range map[string]string{
		"Uid":        strings.Repeat(id+"\t", 3) + id,
		"Gid":        strings.Repeat(id+"\t", 3) + id,
		"Groups":     id + " ",
		"CapInh":     "0000000000000000",
		"CapPrm":     "0000000000000000",
		"CapEff":     "0000000000000000",
		"NoNewPrivs": "1",
	} {
		found := regexp.MustCompile(`(?m)^`+field+`:\t(.*)$`).FindAllStringSubmatch(string(threads), -1)
		require.Greater(t, len(found), 1, "several threads")
		for _, line := range found {
			require.Equal(t, want, line[1], field)
		}
	}
}

// A misbehaving command that runs as root is ended like any other, although the process
// that started it is no longer root.
func TestBadNeighborsOfRoot(t *testing.T) {
	keys := new(ca.Keys)
	for name, test := range map[string]struct{ script, log string }{
		"hangs":               {"sleep 1000", "the budget of 1s is spent"},
		"hangs with a child":  {"sh -c 'sleep 1000; :' & wait", "the budget of 1s is spent"},
		"floods":              {"exec yes ssh-ed25519", "the command printed more than 1048576 bytes"},
		"crashes":             {"echo ssh-ed25519; kill -SEGV $$", "signal: segmentation fault"},
		"fails":               {"exit 7", "exit status 7"},
		"leaves a grandchild": {"sleep 1000 & exit 0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := startAsRoot(t, host.Options{Sim: sim.Options{Keys: keys}}, "/opt/neighbor/keys %u %f", "--budget", "1s")
			neighbor(t, h, test.script)
			before := sleepers(t)
			hosttest.RequireLogin(t, h, "alice", pushedKey(t, h, "alice"))
			requireNobodyLeft(t, h)
			require.Eventually(t, func() bool { return sleepers(t) == before }, soon, tick)
			if lines := h.Log.Texts("eic"); test.log != "" {
				require.Contains(t, lines[1], test.log)
			}
		})
	}
}

// If the user of --run-as does not exist, no request is sent. The chained command's keys
// are printed all the same.
func TestNoUserToBecome(t *testing.T) {
	h := startAsRoot(t, host.Options{}, "/opt/neighbor/keys %u")
	own := hosttest.NewKey(t, h, "own")
	neighbor(t, h, "echo "+public(t, own))
	passwd, err := os.ReadFile(h.Path("/etc/passwd"))
	require.NoError(t, err)
	without := strings.ReplaceAll(string(passwd), "\n"+host.ServiceUser+":", "\ngone:")
	require.NoError(t, h.WriteFile("/etc/passwd", []byte(without)))
	pushed := pushedKey(t, h, "alice")
	hosttest.RequireNoLogin(t, h, "alice", pushed)
	hosttest.RequireLogin(t, h, "bob", own)
	require.Contains(t, strings.Join(h.Log.Texts("eic"), "\n"), fmt.Sprintf("--run-as: looking up %q", host.ServiceUser))
}

// A host whose people log in with keys from their user records goes on doing so, and
// takes pushed keys as well.
func TestEnableLeavesUserdbctlItsLogins(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, "AuthorizedKeysCommand "+userdbctl+" ssh-authorized-keys %u\nAuthorizedKeysCommandUser root\n")
	recorded, pushed := hosttest.NewKey(t, h, "recorded"), pushedKey(t, h, "alice")
	addRecord(t, h, recorded)
	require.NoError(t, os.Chmod(h.Path("/run/userdb/bob.user-privileged"), 0o600))
	hosttest.RequireLogin(t, h, "bob", recorded)
	hosttest.RequireNoLogin(t, h, "alice", pushed)

	hosttest.Change(t, h, "enable", "--chain", "--trust-anchors", host.TrustAnchors)
	hosttest.RequireLogin(t, h, "bob", recorded)
	hosttest.Push(t, h, "alice", pushed)
	hosttest.RequireLogin(t, h, "alice", pushed)

	hosttest.Change(t, h, "disable")
	hosttest.RequireLogin(t, h, "bob", recorded)
}

// A helper with a user and a configuration of its own keeps both.
func TestEnableLeavesAHelperItsUser(t *testing.T) {
	h := hosttest.Start(t, host.Options{Users: []string{"helper"}},
		"AuthorizedKeysCommand /opt/neighbor/keys %u\nAuthorizedKeysCommandUser helper\n")
	own := hosttest.NewKey(t, h, "own")
	neighbor(t, h, "cat /etc/neighbor.keys")
	require.NoError(t, h.WriteFile("/etc/neighbor.keys", []byte(public(t, own)+"\n")))
	home, err := os.Stat(h.Path(host.Home("helper")))
	require.NoError(t, err)
	require.NoError(t, os.Chown(h.Path("/etc/neighbor.keys"), 0, int(home.Sys().(*syscall.Stat_t).Gid)))
	require.NoError(t, os.Chmod(h.Path("/etc/neighbor.keys"), 0o640))
	hosttest.RequireLogin(t, h, "bob", own)

	hosttest.Change(t, h, "enable", "--chain", "--trust-anchors", host.TrustAnchors)
	hosttest.RequireLogin(t, h, "bob", own)
	hosttest.RequireLogin(t, h, "alice", pushedKey(t, h, "alice"))
}
