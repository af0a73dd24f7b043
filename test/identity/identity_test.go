// Package identity tests, with a real sshd, that --caller-env passes the caller who pushed the
// key to the session.
package identity

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/test/host"
	"eic/test/host/hosttest"
)

func TestMain(m *testing.M) { os.Exit(hosttest.Main(m, host.Build)) }

// login starts a host with lines of sshd's configuration. It pushes a key for alice as caller,
// and runs a command with the key over ssh. Hosts that share keys generate the simulator's
// keys only once.
func login(t *testing.T, keys *ca.Keys, caller, flags, config string, command ...string) (h *host.Host, result host.Result, request string) {
	t.Helper()
	h = hosttest.Start(t, host.Options{Sim: sim.Options{Keys: keys, Caller: caller}},
		"AuthorizedKeysCommand "+host.Binary+" authorized-keys --trust-anchors "+host.TrustAnchors+
			" --caller-env "+flags+" %u %f\n"+host.RunAsServiceUser+config)
	key := hosttest.NewKey(t, h, "key")
	request = hosttest.Push(t, h, "alice", key)
	return h, hosttest.Capture(t, h.SSH("alice", key, command...)), request
}

// These ARNs have every character that IAM allows in the names of users and of role sessions.
func TestSessionHasTheCallerOfItsKey(t *testing.T) {
	keys := new(ca.Keys)
	for _, caller := range []string{
		"arn:aws:sts::123456789012:assumed-role/Ops-Admin/erika.mustermann@example.com",
		"arn:aws-us-gov:iam::123456789012:user/team/x+=,.@_-",
	} {
		for _, config := range []string{"PermitUserEnvironment yes\n", "PermitUserEnvironment EIC_CALLER,EIC_REQUEST\n"} {
			t.Run(caller+" "+config, func(t *testing.T) {
				_, result, request := login(t, keys, caller, "", config, "printenv", "EIC_CALLER", "EIC_REQUEST")
				require.Equal(t, host.Result{Stdout: caller + "\n" + request + "\n"}, result)
			})
		}
	}
}

// If sshd does not permit the variables, the session starts without them.
func TestSSHDWithoutPermitUserEnvironmentStillLogsIn(t *testing.T) {
	keys := new(ca.Keys)
	for name, config := range map[string]string{
		"by default":      "",
		"no":              "PermitUserEnvironment no\n",
		"other variables": "PermitUserEnvironment LANG,LC_*\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, result, _ := login(t, keys, sim.DefaultCaller, "", config, "whoami; env | grep EIC_ || echo none")
			require.Equal(t, host.Result{Stdout: "alice\nnone\n"}, result)
		})
	}
}

// --key-options applies together with the variables.
func TestCallerEnvAndKeyOptionsBothApply(t *testing.T) {
	_, result, _ := login(t, new(ca.Keys), sim.DefaultCaller, `--key-options "restrict,command=\"echo forced for $EIC_CALLER\""`,
		"PermitUserEnvironment EIC_*\n", "whoami")
	require.Equal(t, host.Result{Stdout: "forced for " + sim.DefaultCaller + "\n"}, result)
}

// If a caller's name could become an option of the key, another variable or a command, eic
// does not print the key.
func TestCallerCannotInjectKeyOptions(t *testing.T) {
	keys := new(ca.Keys)
	for _, caller := range []string{
		`x",command="touch /run/eic-test/owned`,
		`x",environment="LD_PRELOAD=/tmp/x.so`,
		`x" ssh-ed25519 AAAA`,
		`x\",command=\"id`,
		`x\`,
		"x y",
		"x'y",
		"$(touch /run/eic-test/owned)",
		"`touch /run/eic-test/owned`",
		"x\u00a0y",
		"xé",
		"x;id",
	} {
		t.Run(caller, func(t *testing.T) {
			h, result, _ := login(t, keys, "arn:aws:iam::123456789012:user/"+caller, "", "PermitUserEnvironment yes\n", "whoami")
			require.Equal(t, 255, result.Status)
			require.Contains(t, result.Stderr, "Permission denied (publickey)")
			require.NoFileExists(t, h.Path("/run/eic-test/owned"))
			lines := h.Log.Texts("eic")
			require.Len(t, lines, 1)
			require.Contains(t, lines[0], "caller-denied: ")
			require.Contains(t, lines[0], "cannot safely be the value of EIC_CALLER in a session's environment")
		})
	}
}
