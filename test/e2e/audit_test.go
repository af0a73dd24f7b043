package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/test/host"
	"eic/test/host/hosttest"
)

// Priorities of authpriv (RFC 5424, section 6.2.1).
const (
	authprivError   = 10*8 + 3
	authprivWarning = 10*8 + 4
	authprivInfo    = 10*8 + 6
)

// refusals are the lines in the system log after the refusal of a pushed key: exactly one line
// of eic, and one of sshd only if eic could not answer at all. TIME, NAME, FINGERPRINT and
// REQUEST stand for values that differ in every run.
var refusals = []struct {
	fault    string
	priority int
	line     string
	failed   bool
}{
	{"keys=expired", authprivInfo,
		`Refusing ssh key from EC2 Instance Connect for user "alice", expired: the expiry time TIME has passed, the time is TIME` +
			`, with fingerprint: FINGERPRINT, request-id: REQUEST, for IAM principal: arn:aws:iam::123456789012:user/alice`, false},
	{"keys=other-instance", authprivInfo,
		`Refusing ssh key from EC2 Instance Connect for user "alice", other-instance: pushed to instance "i-0fedcba9876543210", this is instance "i-0123456789abcdef0"` +
			`, with fingerprint: FINGERPRINT, request-id: REQUEST, for IAM principal: arn:aws:iam::123456789012:user/alice`, false},
	{"keys=wrong-signer", authprivWarning,
		`Refusing ssh key from EC2 Instance Connect for user "alice", bad-signature: the signature is not valid under the signer's key: crypto/rsa: verification error` +
			`, with fingerprint: FINGERPRINT, request-id: REQUEST, for IAM principal: arn:aws:iam::123456789012:user/alice`, false},
	{"keys=options", authprivInfo,
		`Refusing ssh key from EC2 Instance Connect for user "alice", unsupported-key: the key line begins with "command=\"id\"", expected a plain public-key type` +
			`, at line 1 of the document, request-id: REQUEST, for IAM principal: arn:aws:iam::123456789012:user/alice`, false},
	{"ocsp=revoked", authprivWarning,
		`EC2 Instance Connect gave no key for user "alice", signer-untrusted: not trusted: checking the revocation status of "CN=managed-ssh-signer.us-east-1.amazonaws.com": staple "NAME": revoked at TIME`, true},
	{"domain=forged", authprivWarning,
		`EC2 Instance Connect gave no key for user "alice", signer-untrusted: not trusted: the metadata service reports the domain "attacker.example", which belongs to no AWS partition; if the domain is correct, add it with --domain`, true},
	{"imds=disabled", authprivError,
		`EC2 Instance Connect gave no key for user "alice", unanswered: asking the metadata service for token: answered 403 Forbidden: the metadata service is disabled for this instance`, true},
}

func TestRefusalLogsItsReasonInOneLine(t *testing.T) {
	keys := new(ca.Keys) // generating keys takes most of a simulator's start time
	for _, refusal := range refusals {
		t.Run(refusal.fault, func(t *testing.T) {
			h := hosttest.Start(t, host.Options{Sim: sim.Options{Keys: keys, Faults: []string{refusal.fault}}}, host.Packaged)
			key := hosttest.NewKey(t, h, "key")
			id := hosttest.Push(t, h, "alice", key)
			hosttest.RequireNoLogin(t, h, "alice", key)

			lines := h.Log.Lines("eic")
			require.Len(t, lines, 1)
			require.Equal(t, refusal.priority, lines[0].Priority)
			require.Regexp(t, "^"+strings.NewReplacer(
				"TIME", `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`,
				"NAME", `[0-9A-F]{40}`,
				"FINGERPRINT", regexp.QuoteMeta(hosttest.Fingerprint(t, key, "sha256")),
				"REQUEST", id,
			).Replace(regexp.QuoteMeta(refusal.line))+"$", lines[0].Text)
			require.Equal(t, refusal.failed, strings.Contains(strings.Join(h.Log.Texts("sshd"), "\n"), "failed, status 1"))
		})
	}
}

func TestSSHDLogsNothingAboutAUserWithoutKeys(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, host.Packaged)
	hosttest.RequireNoLogin(t, h, "alice", hosttest.NewKey(t, h, "key"))
	require.Empty(t, h.Log.Texts("eic"))
	for _, line := range h.Log.Texts("sshd") {
		require.NotContains(t, line, "AuthorizedKeysCommand")
	}
}
