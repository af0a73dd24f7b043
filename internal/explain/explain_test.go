package explain

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/metadata"
	"eic/internal/sim"
	"eic/internal/sim/imds"
)

const budget = 20 * time.Second

// Whatever goes wrong in the world, evidence kept of it is verified as it was
// when it was kept, and told in the same words.
func TestEvidenceOfEveryFaultIsVerifiedAgainAsItWas(t *testing.T) {
	outcomes := map[sim.Expectation][]Outcome{
		sim.Printed: {Keys}, sim.None: {NoKey}, sim.Refused: {NoKey, Failed},
	}
	for _, fault := range sim.Faults() {
		if fault.Transport {
			continue
		}
		t.Run(fault.Name, func(t *testing.T) {
			t.Parallel()
			patience := budget
			if fault.Name == "imds=throttled" {
				patience = 200 * time.Millisecond // it never ends
			}
			for platform, root := range map[string]fstest.MapFS{"nitro": nitro(), "xen": xen()} {
				live, record := newWorld(t, root, fault.Name).ask(t, patience)
				expected := fault.Expect
				if platform == "nitro" {
					expected = fault.OnNitro
				}
				require.Contains(t, outcomes[expected], live.Outcome, "%s: %s", platform, live.Message)
				require.Equal(t, live, verifiedAgain(t, record), platform)
				checkRemedies(t, live)
			}
		})
	}
}

// A run that broke off is kept as far as it came. Each kind of fault meets one stage;
// test/faults has them all.
func TestEvidenceOfEveryKindOfLostAnswerIsVerifiedAgainAsItWas(t *testing.T) {
	stages := []imds.Stage{
		imds.StageToken, imds.StageActiveKeys, imds.StageInstanceID, imds.StageRegion,
		imds.StageDomain, imds.StageSignerCert, imds.StageStapleList, imds.StageStaple,
	}
	for i, kind := range imds.Kinds() {
		fault := fmt.Sprintf("%s=%s", stages[i%len(stages)], kind)
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			live, record := newWorld(t, xen(), fault).ask(t, 100*time.Millisecond)
			require.Equal(t, live, verifiedAgain(t, record))
			checkRemedies(t, live)
		})
	}
}

// checkRemedies demands that whoever gets no key is told what to do.
func checkRemedies(t *testing.T, r Explanation) {
	t.Helper()
	for _, key := range r.Keys {
		require.Equal(t, !key.Printed && key.Reason != "undecided", key.Remedy.Text != "", "of key: %s", key.Reason)
	}
	require.Equal(t, r.Outcome != Keys && r.Reason != causeRefused, r.Remedy.Text != "", "of answer: %s", r.Reason)
}

// The same evidence at another time.
func TestEvidenceAtAnotherTime(t *testing.T) {
	_, record := newWorld(t, nitro()).ask(t, budget)
	record.Terms.Anchors = record.AnchorsFor
	for name, try := range map[string]struct {
		after  time.Duration
		reason Cause
	}{
		"while it counts":             {30 * time.Second, causePrinted},
		"after the key expired":       {2 * time.Minute, causeRefused},
		"before there was any staple": {-2 * time.Hour, causeSignerStatus},
		"before there was any signer": {-48 * time.Hour, causeSignerExpired},
	} {
		t.Run(name, func(t *testing.T) {
			r := record
			r.Evidence.Time = r.Evidence.Time.Add(try.after)
			verdict, err := r.Decide()
			require.Equal(t, try.reason, New(program, r, verdict, err).Reason)
		})
	}
}

func TestAnInquiryThatAsksNobody(t *testing.T) {
	denied := fstest.MapFS{"sys/hypervisor/uuid": {Mode: fs.ModeDir}}
	for name, try := range map[string]struct {
		user    string
		root    fs.FS
		confine error
		reason  Cause
		outcome Outcome
	}{
		"a name that no key can be pushed for": {"../../user-data", nitro(), nil, causeUserName, NoKey},
		"not an instance":                      {"alice", fstest.MapFS{}, nil, causeNotEC2, NoKey},
		"identity files that cannot be read":   {"alice", denied, nil, causeMachine, Failed},
		"a process that cannot be confined":    {"alice", nitro(), errors.New("no such thing"), causeConfine, Failed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.source.Root, w.record.Terms.User = try.root, try.user
			w.source.BeforeNetwork = func() error { return try.confine }
			live, record := w.ask(t, budget)
			require.Equal(t, try.reason, live.Reason)
			require.Equal(t, try.outcome, live.Outcome)
			require.Zero(t, w.Stats().Total())
			require.Equal(t, live, verifiedAgain(t, record))
			checkRemedies(t, live)
		})
	}
}

func TestTrustAnchorsThatCannotBeRead(t *testing.T) {
	w := newWorld(t, nitro())
	w.record.Anchors.Kept = []byte("no PEM")
	w.record.Terms.Anchors = w.record.AnchorsFor
	live, record := w.ask(t, budget)
	require.Equal(t, causeAnchors, live.Reason)
	require.Equal(t, live, verifiedAgain(t, record))
	checkRemedies(t, live)
}

// The anchor that a signer was found to chain to is kept where no file was
// given, so that a system's store that has lost it later does not matter.
func TestTheAnchorIsKept(t *testing.T) {
	w := newWorld(t, nitro(), "domain=china")
	roots := w.record.AnchorsFor
	w.record.Anchors.Setting, w.record.Anchors.Kept, w.record.Terms.Anchors = "auto", nil, roots
	live, record := w.ask(t, budget)
	require.Equal(t, Keys, live.Outcome)
	require.True(t, record.BringsAnchors())
	require.Equal(t, live, verifiedAgain(t, record))
}

// On Xen whoever forges the metadata service's answers can serve a document that
// was pushed to an instance of their own.
func TestOnXenAForgedInstanceIsBelievedUnlessTheSettingsNameOne(t *testing.T) {
	const victim = "i-0aaaaaaaaaaaaaaaa"
	w := newWorld(t, xen())
	live, record := w.ask(t, budget)
	require.Equal(t, Keys, live.Outcome, "this is what is left")
	require.Equal(t, live, verifiedAgain(t, record))
	var text strings.Builder
	require.NoError(t, live.WriteText(&text, false))
	require.Contains(t, text.String(), "can log in as anybody")

	w.record.Terms.InstanceID = victim
	live, record = w.ask(t, budget)
	require.Equal(t, Failed, live.Outcome)
	require.Equal(t, victim, live.Terms.InstanceID)
	require.Equal(t, live, verifiedAgain(t, record))
	text.Reset()
	require.NoError(t, live.WriteText(&text, false))
	require.NotContains(t, text.String(), "can log in as anybody")
}

// An explanation costs the metadata service what a login costs, and two
// requests more where they are for the advice.
func TestWhatIsAsked(t *testing.T) {
	for name, try := range map[string]struct {
		user string
		root fstest.MapFS
		want []metadata.Stage
	}{
		"a key, on Nitro":  {"alice", nitro(), []metadata.Stage{"token", "active-keys", "region", "domain", "signer-cert", "staple-list", "staple", "staple", "staple"}},
		"no key, on Nitro": {"bob", nitro(), []metadata.Stage{"token", "active-keys", "token", "availability-zone"}},
		"no key, on Xen":   {"bob", xen(), []metadata.Stage{"token", "active-keys", "token", "availability-zone", "instance-id"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, try.root)
			w.record.Terms.User = try.user
			report, _ := w.ask(t, budget)
			var stages []metadata.Stage
			for _, request := range report.Requests {
				stages = append(stages, metadata.Stage(request.Stage))
			}
			require.ElementsMatch(t, try.want, stages)
			require.Equal(t, metadata.Stage("token"), stages[0])
			require.Equal(t, len(stages), w.Stats().Total())
		})
	}
}

func TestAPolicyIsToldInFlags(t *testing.T) {
	w := newWorld(t, nitro())
	w.record.Terms.Domains = []string{"example.com"}
	w.record.Terms.Policy.DenyUsers = []string{"root", "adm*"}
	w.record.Terms.Policy.CallerEnvironment = true
	w.record.Terms.Policy.KeyOptions = `command="id"`
	report, _ := w.ask(t, budget)
	var text strings.Builder
	require.NoError(t, report.WriteText(&text, false))
	require.Contains(t, text.String(), `decided under --trust-anchors=/etc/anchors.pem --domain=example.com --deny-user=root `+
		`--deny-user="adm*" --key-options="command=\"id\"" --caller-env`+"\n")
	require.Contains(t, text.String(), `sshd gets     environment="EIC_CALLER=`+sim.DefaultCaller+`",environment="EIC_REQUEST=`+
		report.Keys[0].RequestID+`",command="id" `+aliceKey+"\n")
}
