// Package identity shows that a session knows who pushed its key, with a real sshd and
// eic with --caller-env.
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

// login starts a host where keys are pushed in the name of caller and sshd has the
// lines of configuration, pushes a key for alice, and runs a command there with it.
// The simulator's keys are made only once for all hosts that share them.
func login(t *testing.T, keys *ca.Keys, caller, flags, config string, command ...string) (h *host.Host, result host.Result, request string) {
	t.Helper()
	h = hosttest.Start(t, host.Options{Sim: sim.Options{Keys: keys, Caller: caller}},
		"AuthorizedKeysCommand "+host.Binary+" authorized-keys --trust-anchors "+host.TrustAnchors+
			" --caller-env "+flags+" %u %f\n"+host.RunAsServiceUser+config)
	key := hosttest.NewKey(t, h, "key")
	request = hosttest.Push(t, h, "alice", key)
	return h, hosttest.Capture(t, h.SSH("alice", key, command...)), request
}

// Names that IAM allows for users, and for the sessions of roles, with every
// character that it allows in them.
func TestSessionKnowsWhoPushedItsKey(t *testing.T) {
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

// A session without the variables is better than none.
func TestSSHDThatPermitsNoEnvironment(t *testing.T) {
	keys := new(ca.Keys)
	for name, config := range map[string]string{
		"by default":        "",
		"no":                "PermitUserEnvironment no\n",
		"others than these": "PermitUserEnvironment LANG,LC_*\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, result, _ := login(t, keys, sim.DefaultCaller, "", config, "whoami; env | grep EIC_ || echo none")
			require.Equal(t, host.Result{Stdout: "alice\nnone\n"}, result)
		})
	}
}

// An administrator's own options hold beside the variables.
func TestVariablesBesideKeyOptions(t *testing.T) {
	_, result, _ := login(t, new(ca.Keys), sim.DefaultCaller, `--key-options "restrict,command=\"echo forced for $EIC_CALLER\""`,
		"PermitUserEnvironment EIC_*\n", "whoami")
	require.Equal(t, host.Result{Stdout: "forced for " + sim.DefaultCaller + "\n"}, result)
}

// Nothing in a caller's name becomes an option of the key, another variable or a
// command: such a key is not printed at all.
func TestCallerThatWouldBreakOut(t *testing.T) {
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
