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

// startAsRoot is start for a chained command that needs root: sshd runs eic as root, and eic
// switches to the service user.
func startAsRoot(t *testing.T, options host.Options, chained string, flags ...string) *host.Host {
	t.Helper()
	args := append([]string{host.Binary, "authorized-keys", "--trust-anchors", host.TrustAnchors,
		"--run-as", host.ServiceUser, "--chain", argv.Escape(chained)}, flags...)
	return hosttest.Start(t, options, "AuthorizedKeysCommand "+argv.Quote(args)+" %u %f\nAuthorizedKeysCommandUser root\n")
}

// Only root may read the part of a user record that has the keys.
func TestUserdbctlAsRootReadsPrivilegedUserRecords(t *testing.T) {
	h := startAsRoot(t, host.Options{}, userdbctl+" ssh-authorized-keys %u")
	recorded, pushed := hosttest.NewKey(t, h, "recorded"), pushedKey(t, h, "alice")
	addRecord(t, h, recorded)
	require.NoError(t, os.Chmod(h.Path("/run/userdb/bob.user-privileged"), 0o600))
	hosttest.RequireLogin(t, h, "bob", recorded)
	hosttest.RequireLogin(t, h, "alice", pushed)
	hosttest.RequireNoLogin(t, h, "alice", recorded)
}

// The chained command runs as root. eic, which reads from the network, does not: no thread of
// it is root, or could become root again.
func TestOnlyTheChainedCommandIsRoot(t *testing.T) {
	const dir = "/run/seen"
	script := `eic=$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$PPID/status)
for i in $(seq 200); do grep -q '^Uid:[[:space:]]0' /proc/$eic/status || break; sleep 0.02; done
cat /proc/$eic/task/*/status >` + dir + `/threads
id -u >` + dir + `/command
cat /etc/chained.keys`
	h := startAsRoot(t, host.Options{}, "/opt/chained/keys %u", "--budget", "10s")
	require.NoError(t, os.Mkdir(h.Path(dir), 0o700))
	installChained(t, h, script)
	own := hosttest.NewKey(t, h, "own")
	require.NoError(t, h.WriteFile("/etc/chained.keys", []byte(public(t, own)+"\n")))
	require.NoError(t, os.Chmod(h.Path("/etc/chained.keys"), 0o600))
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
		require.Greater(t, len(found), 1, "expected several threads of eic")
		for _, line := range found {
			require.Equal(t, want, line[1], field)
		}
	}
}

// eic must be able to end a misbehaving command that runs as root, although eic itself is no
// longer root.
func TestMisbehavingChainedCommandAsRootCostsNoLogin(t *testing.T) {
	keys := new(ca.Keys)
	for name, test := range map[string]struct{ script, log string }{
		"hangs":                   {"sleep 1000", "the budget of 1s is spent"},
		"hangs with a grandchild": {"sh -c 'sleep 1000; :' & wait", "the budget of 1s is spent"},
		"prints without end":      {"exec yes ssh-ed25519", "the command printed more than 1048576 bytes"},
		"crashes":                 {"echo ssh-ed25519; kill -SEGV $$", "signal: segmentation fault"},
		"fails":                   {"exit 7", "exit status 7"},
		"leaves a grandchild":     {"sleep 1000 & exit 0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := startAsRoot(t, host.Options{Sim: sim.Options{Keys: keys}}, "/opt/chained/keys %u %f", "--budget", "1s")
			installChained(t, h, test.script)
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

// If the user of --run-as does not exist, eic sends no request and prints only the keys of
// the chained command.
func TestMissingRunAsUserCostsNoChainedLogin(t *testing.T) {
	h := startAsRoot(t, host.Options{}, "/opt/chained/keys %u")
	own := hosttest.NewKey(t, h, "own")
	installChained(t, h, "echo "+public(t, own))
	passwd, err := os.ReadFile(h.Path("/etc/passwd"))
	require.NoError(t, err)
	without := strings.ReplaceAll(string(passwd), "\n"+host.ServiceUser+":", "\ngone:")
	require.NoError(t, h.WriteFile("/etc/passwd", []byte(without)))
	pushed := pushedKey(t, h, "alice")
	hosttest.RequireNoLogin(t, h, "alice", pushed)
	hosttest.RequireLogin(t, h, "bob", own)
	require.Contains(t, strings.Join(h.Log.Texts("eic"), "\n"), fmt.Sprintf("--run-as: looking up %q", host.ServiceUser))
}

// After eic enable --chain, the keys in user records still log in, and pushed keys do too.
func TestEnableKeepsTheLoginsOfUserdbctl(t *testing.T) {
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

// A command with its own user and configuration keeps both after eic enable --chain.
func TestEnableKeepsTheUserOfTheChainedCommand(t *testing.T) {
	h := hosttest.Start(t, host.Options{Users: []string{"helper"}},
		"AuthorizedKeysCommand /opt/chained/keys %u\nAuthorizedKeysCommandUser helper\n")
	own := hosttest.NewKey(t, h, "own")
	installChained(t, h, "cat /etc/chained.keys")
	require.NoError(t, h.WriteFile("/etc/chained.keys", []byte(public(t, own)+"\n")))
	home, err := os.Stat(h.Path(host.Home("helper")))
	require.NoError(t, err)
	require.NoError(t, os.Chown(h.Path("/etc/chained.keys"), 0, int(home.Sys().(*syscall.Stat_t).Gid)))
	require.NoError(t, os.Chmod(h.Path("/etc/chained.keys"), 0o640))
	hosttest.RequireLogin(t, h, "bob", own)

	hosttest.Change(t, h, "enable", "--chain", "--trust-anchors", host.TrustAnchors)
	hosttest.RequireLogin(t, h, "bob", own)
	hosttest.RequireLogin(t, h, "alice", pushedKey(t, h, "alice"))
}
