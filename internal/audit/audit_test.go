package audit

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"eic/internal/activekeys"
	"eic/internal/authorize"
	"eic/internal/printable"
)

func decision(reason authorize.Reason) authorize.Decision {
	d := authorize.Decision{
		Reason:      reason,
		Fingerprint: "SHA256:abc",
		Entry:       activekeys.Entry{Line: 3, Request: "f2e7c3d9", Caller: "arn:aws:iam::123456789012:user/alice"},
	}
	if reason != authorize.Printed {
		d.Detail = errors.New("because")
	}
	return d
}

// Existing log rules match this text, so it must not change.
func TestLineForAPrintedKey(t *testing.T) {
	full := decision(authorize.Printed)
	noCaller, noRequest, bare := full, full, full
	noCaller.Entry.Caller = ""
	noRequest.Entry.Request = ""
	bare.Entry = activekeys.Entry{}
	events := Decisions("alice", []authorize.Decision{full, noCaller, noRequest, bare})
	const start = "Providing ssh key from EC2 Instance Connect with fingerprint: SHA256:abc"
	for i, text := range []string{
		start + ", request-id: f2e7c3d9, for IAM principal: arn:aws:iam::123456789012:user/alice",
		start + ", request-id: f2e7c3d9",
		start + ", for IAM principal: arn:aws:iam::123456789012:user/alice",
		start,
	} {
		require.Equal(t, text, events[i].Text)
		require.Equal(t, Info, events[i].Severity)
	}
}

func TestRefusalNamesItsReason(t *testing.T) {
	for reason := authorize.Malformed; reason <= authorize.BadSignature; reason++ {
		events := Decisions("alice", []authorize.Decision{decision(reason)})
		if reason == authorize.OtherFingerprint {
			require.Empty(t, events)
			continue
		}
		require.Len(t, events, 1)
		require.Contains(t, events[0].Text, `for user "alice", `+reason.String()+": because")
		require.Contains(t, events[0].Text, "request-id: f2e7c3d9")
		require.Equal(t, reason == authorize.BadSignature, events[0].Severity == Warning)
	}
}

func TestUntrustedTextCannotForgeALine(t *testing.T) {
	d := decision(authorize.Printed)
	d.Entry.Caller = "x\nProviding ssh key\x1b[2J"
	d.Entry.Request = strings.Repeat("r", 5000)
	refused := decision(authorize.Malformed)
	refused.Detail = errors.New("two\nlines\u2028three")
	events := Decisions("bob\n", []authorize.Decision{d, refused})
	events = append(events, Failure(Unanswered, "eve\r\n\xff", errors.New("a\x00b"+strings.Repeat("c", 5000))),
		Chain("/bin/x\n", "al\x1bice", errors.New("exit\tstatus")))
	for _, e := range events {
		require.Less(t, len(e.Text), 2000)
		texts := []string{e.Text}
		for _, f := range e.fields() {
			texts = append(texts, f.value)
		}
		for _, text := range texts {
			require.True(t, utf8.ValidString(text))
			require.Equal(t, printable.Line(text), text)
		}
	}
}

// A syslog daemon truncates a record that is too long. Truncated JSON is invalid, and no
// alert matches it.
func TestRecordLengthIsLimited(t *testing.T) {
	for _, text := range []string{"x", `"`, `\`, "\x00", "\xff", "é", "\u202e", "\U000f0000", "<", "\x7f\""} {
		d := decision(authorize.OtherInstance)
		long := strings.Repeat(text, 3000)
		d.Entry.Caller, d.Entry.Request, d.Entry.Instance, d.Detail = long, long, long, errors.New(long)
		events := append(Decisions(long, []authorize.Decision{d}), Failure(Unanswered, long, d.Detail), Chain(long, long, d.Detail))
		d.Reason = authorize.Printed
		for _, e := range append(events, Decisions(long, []authorize.Decision{d})...) {
			require.Less(t, len(JSON.message(e, time.Now())), 8000, "%q", text)
		}
	}
}

func TestNumberOfRefusalsIsLimited(t *testing.T) {
	decisions := make([]authorize.Decision, 1000)
	for i := range decisions {
		decisions[i] = decision(authorize.Expired)
	}
	events := Decisions("alice", append(decisions, decision(authorize.Printed)))
	require.Len(t, events, maxRefusals+2)
	require.Contains(t, events[maxRefusals].Text, "Providing")
	require.Equal(t, `Refused 980 more keys from EC2 Instance Connect for user "alice" in the same document`, events[maxRefusals+1].Text)
	require.Equal(t, Warning, events[maxRefusals+1].Severity)
}

func TestNumberOfPrintedKeysIsLimited(t *testing.T) {
	decisions := make([]authorize.Decision, 2*maxGrants)
	for i := range decisions {
		decisions[i] = decision(authorize.Printed)
	}
	events := Decisions("alice", append(decisions, decision(authorize.Repeated)))
	require.Len(t, events, maxGrants+1)
	require.Equal(t, MorePrinted, events[maxGrants].Kind)
	require.Equal(t, `Provided 100 more keys from EC2 Instance Connect for user "alice" in the same document`, events[maxGrants].Text)
}

func TestFailureAndChain(t *testing.T) {
	for kind, severity := range map[Kind]Severity{SignerUntrusted: Warning, Unanswered: Error, CalledWrongly: Error} {
		e := Failure(kind, "alice", errors.New("because"))
		require.Equal(t, `EC2 Instance Connect gave no key for user "alice", `+kind.String()+`: because`, e.Text)
		require.Equal(t, severity, e.Severity)
	}
	e := Chain("/usr/bin/sss_ssh_authorizedkeys", "alice", errors.New("exit status 1"))
	require.Equal(t, `The chained command "/usr/bin/sss_ssh_authorizedkeys" gave no key for user "alice": exit status 1`, e.Text)
	require.Equal(t, Warning, e.Severity)
}

// Existing log rules search for this sentence anywhere in a line.
func TestRefusalCannotLookLikeAPrintedKey(t *testing.T) {
	const sentence = "Providing ssh key from EC2 Instance Connect with fingerprint: SHA256:x, for IAM principal: arn:aws:iam::1:user/victim"
	d := authorize.Decision{Reason: authorize.Malformed, Detail: fmt.Errorf("it is %q", sentence)}
	d.Entry.Caller, d.Entry.Request = "x "+sentence, sentence
	for _, e := range append(Decisions(sentence, []authorize.Decision{d}),
		Failure(SignerUntrusted, sentence, errors.New(sentence)), Chain(sentence, sentence, errors.New(sentence))) {
		require.NotContains(t, jsonObject(e, time.Now()), "Providing ssh key")
		require.NotContains(t, e.Text, "Providing ssh key")
	}
}
