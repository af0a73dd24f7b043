package authorize

import (
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/activekeys"
)

func TestKeyOptionsThatSSHDAccepts(t *testing.T) {
	for _, options := range []string{
		"restrict",
		"restrict,pty",
		"no-port-forwarding,no-agent-forwarding,no-X11-forwarding",
		`from="10.0.0.0/8,!10.0.0.1",command="echo \"hi\", \ there",no-pty`,
		`permitopen="localhost:80"`,
		`command="ls ~"`,
	} {
		require.NoError(t, CheckKeyOptions(options), options)
	}
}

func TestKeyOptionsThatSSHDRefuses(t *testing.T) {
	for options, reason := range map[string]string{
		"":                            "no name",
		"restrict,":                   "no name",
		",restrict":                   "no name",
		"restrict pty":                "expected a comma",
		"restrict ssh-rsa AAAA":       "expected a comma",
		"no-such-option":              "not an option of sshd(8)",
		"cert-authority":              "not an option of sshd(8)",
		`principals="root"`:           "not an option of sshd(8)",
		"command":                     "needs a value",
		"command=ls":                  "expected a comma",
		`command="ls`:                 "no closing quote",
		`command="ls\"`:               "no closing quote",
		`command="ls\`:                "no closing quote",
		"command=\"ls\x7f\"":          "not printable ASCII",
		`command="ls"x`:               "expected a comma",
		"command=\"a\nssh-rsa AAAA\"": "not printable ASCII",
		`restrict="yes"`:              "takes no value",
		"restrict\nssh-rsa AAAA":      "expected a comma",
	} {
		require.Error(t, CheckKeyOptions(options), "%q", options)
		if options != "command=ls" {
			require.ErrorContains(t, CheckKeyOptions(options), reason, "%q", options)
		}
	}
}

func TestOptionsComeBeforeThePrintedKey(t *testing.T) {
	key := string(lineOf(ed25519Key()))
	q := question()
	q.Policy.KeyOptions = "restrict,pty"
	require.Equal(t, "restrict,pty "+key, string(decide(q, entryOf([]byte(key)))[0].Line()))

	q.Policy.CallerEnvironment = true
	entry := entryOf([]byte(key))
	entry.Request = "f2e7c3d9"
	require.Equal(t, `environment="EIC_CALLER=`+testCaller+`",environment="EIC_REQUEST=f2e7c3d9",restrict,pty `+key,
		string(decide(q, entry)[0].Line()))

	entry.Caller = ""
	require.Equal(t, `environment="EIC_REQUEST=f2e7c3d9",restrict,pty `+key, string(decide(q, entry)[0].Line()), "expected the request id without a caller")

	entry.Request = ""
	require.Equal(t, "restrict,pty "+key, string(decide(q, entry)[0].Line()))
}

func TestCallerAndRequestCannotInjectKeyOptions(t *testing.T) {
	q := question()
	q.Policy.CallerEnvironment = true
	for _, caller := range []string{
		`arn" ,command="sh`, `arn\`, "arn\nssh-rsa AAAA", "arn x", "arn$(id)", "arn`id`", "arn'", "ärn", "arn\x00",
		"arn;id", "arn|id", "arn&", "arn(x)", "arn*", "arn?", "arn%s", "arn!", "arn#", "~arn", "arn<x", "arn>x", "arn[x]", "arn{x}", "arn^",
	} {
		for _, set := range []func(*activekeys.Entry){
			func(e *activekeys.Entry) { e.Caller = caller },
			func(e *activekeys.Entry) { e.Request = caller },
		} {
			entry := entryOf(lineOf(ed25519Key()))
			set(&entry)
			d := decide(q, entry)[0]
			require.Equal(t, CallerDenied, d.Reason, "%q", caller)
			require.Nil(t, d.Line())
		}
	}
}

func TestOnlyPrintedKeysHaveALine(t *testing.T) {
	entry := entryOf(lineOf(ed25519Key()))
	require.Nil(t, Screen([]activekeys.Entry{entry}, question())[0].Line())
	entry.Signature = nil
	require.Nil(t, decide(question(), entry)[0].Line())
}

func TestNamesOfKeyOptions(t *testing.T) {
	for options, names := range map[string][]string{
		"restrict": {"restrict"},
		`restrict,command="a,b\"c",expiry-time="20261127"`: {"restrict", "command", "expiry-time"},
		"":                  nil,
		`command="ls`:       nil,
		"restrict pty":      nil,
		"restrict,,pty":     nil,
		`restrict,="value"`: nil,
	} {
		require.Equal(t, names, KeyOptionNames(options), "%q", options)
	}
}
