package chain

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/test/host"
	"eic/test/host/hosttest"
	"eic/test/needs"
	"eic/test/sssd"
)

const userdbctl = "/usr/bin/userdbctl"

// addRecord adds a user record for bob with a key, as for systemd (nss-systemd(8), user
// records). Keys are in the privileged part, which userdbctl must be able to read as the user
// that sshd runs eic as.
func addRecord(t *testing.T, h *host.Host, key string) {
	t.Helper()
	const user = "bob"
	require.NoError(t, h.WriteFile("/run/userdb/"+user+".user", fmt.Appendf(nil, `{"userName":%q,"disposition":"regular"}`, user)))
	require.NoError(t, h.WriteFile("/run/userdb/"+user+".user-privileged",
		fmt.Appendf(nil, `{"privileged":{"sshAuthorizedKeys":[%q]}}`, public(t, key))))
}

// On an instance whose users have systemd user records, the keys in the records and pushed
// keys both log in.
func TestKeysOfUserdbctlAndPushedKeysBothLogIn(t *testing.T) {
	require.FileExists(t, userdbctl, "the package systemd-userdbd must be installed")
	h := start(t, host.Options{}, userdbctl+" ssh-authorized-keys %u")
	recorded, pushed := hosttest.NewKey(t, h, "recorded"), pushedKey(t, h, "alice")
	addRecord(t, h, recorded)
	hosttest.RequireLogin(t, h, "bob", recorded)
	hosttest.RequireLogin(t, h, "alice", pushed)
	hosttest.RequireNoLogin(t, h, "alice", recorded)
	hosttest.RequireNoLogin(t, h, "bob", pushed)

	both := pushedKey(t, h, "bob")
	hosttest.RequireLogin(t, h, "bob", both)
	hosttest.RequireLogin(t, h, "bob", recorded)
	requireNobodyLeft(t, h)
	for _, line := range h.Log.Texts("eic") {
		require.Contains(t, line, "Providing ssh key", "expected no warning from eic or userdbctl")
	}
}

// Keys from the chained command log in even if eic gets no keys from AWS.
func TestChainedKeysLogInWithoutPushedKeys(t *testing.T) {
	for _, options := range []host.Options{
		{Sim: sim.Options{Faults: []string{"imds=disabled"}}},
		{Sim: sim.Options{Faults: []string{"signer=expired"}}},
		{Platform: host.NotEC2},
	} {
		t.Run(fmt.Sprint(options.Sim.Faults), func(t *testing.T) {
			h := start(t, options, userdbctl+" ssh-authorized-keys %u")
			recorded := hosttest.NewKey(t, h, "recorded")
			addRecord(t, h, recorded)
			hosttest.RequireLogin(t, h, "bob", recorded)
		})
	}
}

// SSSD is not running on this host, as after a failed upgrade. A pushed key must log in.
func TestPushedKeyLogsInIfSSSDIsDown(t *testing.T) {
	require.FileExists(t, sssd.Command, "the package sssd-common must be installed")
	h := start(t, host.Options{}, sssd.Command+" %u")
	hosttest.RequireLogin(t, h, "alice", pushedKey(t, h, "alice"))
	require.Contains(t, h.Log.Texts("eic")[1], `The chained command "`+sssd.Command+`" gave no key for user "alice": exit status 1`)
}

// Whatever the chained command does, a pushed key logs in.
func TestMisbehavingChainedCommandCostsNoLogin(t *testing.T) {
	keys := new(ca.Keys) // generating keys takes most of a host's start time
	for name, test := range map[string]struct{ script, log string }{
		"hangs":                     {"sleep 1000", "the budget of 1s is spent"},
		"hangs with a grandchild":   {"sh -c 'sleep 1000; :' & wait", "the budget of 1s is spent"},
		"hangs and ignores signals": {`trap "" TERM HUP INT; while :; do sleep 1000; done`, "the budget of 1s is spent"},
		"prints without end":        {"exec yes ssh-ed25519", "the command printed more than 1048576 bytes"},
		"crashes":                   {"echo ssh-ed25519; kill -SEGV $$", "signal: segmentation fault"},
		"fails":                     {"exit 7", "exit status 7"},
		"prints random octets":      {"head -c 10000 /dev/urandom; printf '\\0'", "NUL"},
		"prints text":               {`printf '\n\n#\n  command="id" \n"\n\\\n%s' "$*"`, ""},
		"leaves a grandchild":       {"sleep 1000 & exit 0", ""},
		"prints nothing":            {"exit 0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, host.Options{Sim: sim.Options{Keys: keys}}, "/opt/chained/keys %u %f", "--budget", "1s")
			installChained(t, h, test.script)
			hosttest.RequireLogin(t, h, "alice", pushedKey(t, h, "alice"))
			requireNobodyLeft(t, h)
			lines := h.Log.Texts("eic")
			if test.log == "" {
				require.Len(t, lines, 2) // one record of the pushed key for each of sshd's two runs
				return
			}
			require.Len(t, lines, 4)
			require.Contains(t, lines[1], test.log)
			require.Contains(t, lines[3], test.log)
		})
	}
}

// The chained command has the same environment as if sshd had run it.
func TestChainedCommandRunsAsUnderSSHD(t *testing.T) {
	needs.Root(t)
	script := `exec >/run/said/$$; env | grep -Ev '^(PWD|SHLVL|_|OLDPWD)=' | sort; id -un; readlink /proc/self/fd/0
grep -E '^(NoNewPrivs|SigIgn|SigBlk|Seccomp):' /proc/self/status; head -c 5 /etc/passwd; echo; printf '%s\n' "$@"`
	var said []string
	for _, chained := range []bool{true, false} {
		t.Run(fmt.Sprintf("chained: %t", chained), func(t *testing.T) {
			h := start(t, host.Options{}, "/opt/chained/keys %u %f", "--budget", "10s")
			program := installChained(t, h, script)
			if !chained {
				h.StopSSHD()
				require.NoError(t, h.Configure("AuthorizedKeysCommand "+program+" %u %f\n"+host.RunAsServiceUser))
				require.NoError(t, h.StartSSHD())
			}
			const dir = "/run/said"
			require.NoError(t, os.Mkdir(h.Path(dir), 0o777))
			require.NoError(t, os.Chmod(h.Path(dir), 0o777))
			key := hosttest.NewKey(t, h, "key")
			hosttest.RequireNoLogin(t, h, "alice", key)
			files, err := os.ReadDir(h.Path(dir))
			require.NoError(t, err)
			require.Len(t, files, 1)
			text, err := os.ReadFile(h.Path(dir + "/" + files[0].Name()))
			require.NoError(t, err)
			said = append(said, strings.ReplaceAll(string(text), fingerprint(t, key), "FINGERPRINT"))
		})
	}
	require.Contains(t, said[0], "\nUSER=_eic\n")
	require.Contains(t, said[0], "\nNoNewPrivs:\t0\n")
	require.Contains(t, said[0], "\nroot:\nalice\nFINGERPRINT\n")
	require.Equal(t, said[1], said[0])
}

// sshd sends SIGTERM when it gives up on a login. After any of these signals, no process may
// be left.
func TestEndOfLoginEndsTheChainedCommand(t *testing.T) {
	h := start(t, host.Options{}, "/opt/chained/keys", "--budget", "1m")
	for signal, script := range map[syscall.Signal]string{
		syscall.SIGTERM: "trap '' TERM; sleep 1000; sleep 1000",
		syscall.SIGINT:  "trap '' INT; sleep 1000; sleep 1000",
		syscall.SIGHUP:  "trap '' HUP; sleep 1000; sleep 1000",
		syscall.SIGKILL: "exec sleep 1000", // only the kernel can end the command then
	} {
		t.Run(signal.String(), func(t *testing.T) {
			program := installChained(t, h, script)
			eic := h.Command(host.ServiceUser, host.Binary, "authorized-keys", "--chain", program, "--budget", "1m", "bob")
			require.NoError(t, eic.Start())
			sleeps := func() bool { return strings.Contains(serviceProcesses(t, h), "sleep") }
			require.Eventually(t, sleeps, 10*time.Second, 10*time.Millisecond, "the chained command did not start")
			require.NoError(t, eic.Process.Signal(signal))
			start := time.Now()
			_ = eic.Wait() // the status does not matter
			require.Less(t, time.Since(start), 2*time.Second)
			requireNobodyLeft(t, h)
		})
	}
}

// eic cannot kill a chained command that became root, but it must not wait for it either.
func TestUnkillableChainedCommandKeepsToTheBudget(t *testing.T) {
	h := start(t, host.Options{}, "/opt/chained/root --reuid=root --clear-groups sleep 60", "--budget", "1s")
	setpriv, err := os.ReadFile(host.Setpriv)
	require.NoError(t, err)
	require.NoError(t, h.WriteFile("/opt/chained/root", setpriv))
	require.NoError(t, os.Chmod(h.Path("/opt/chained/root"), 0o755|os.ModeSetuid))
	start := time.Now()
	hosttest.RequireLogin(t, h, "alice", pushedKey(t, h, "alice"))
	require.Less(t, time.Since(start), 20*time.Second)
	require.Contains(t, h.Log.Texts("eic")[1], "the budget of 1s is spent, and it could not be killed")
}
