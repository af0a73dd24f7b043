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

// For every fault, saved evidence gets the same Explanation as the live lookup.
func TestSavedEvidenceOfEveryFaultIsExplainedLikeTheLiveLookup(t *testing.T) {
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
				patience = 200 * time.Millisecond // the service throttles until the context ends
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

// A lookup that failed is saved with the evidence that it had fetched. Each kind of fault
// is tried at one stage here; test/faults tries all combinations.
func TestSavedEvidenceOfEveryKindOfLostAnswerIsExplainedLikeTheLiveLookup(t *testing.T) {
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

// checkRemedies requires a remedy for each refused key, and for an answer without keys.
func checkRemedies(t *testing.T, r Explanation) {
	t.Helper()
	for _, key := range r.Keys {
		require.Equal(t, !key.Printed && key.Reason != "undecided", key.Remedy.Text != "", "remedy for a key: %s", key.Reason)
	}
	require.Equal(t, r.Outcome != Keys && r.Reason != causeRefused, r.Remedy.Text != "", "remedy for the answer: %s", r.Reason)
}

func TestSavedEvidenceVerifiedAtAnotherTime(t *testing.T) {
	_, record := newWorld(t, nitro()).ask(t, budget)
	record.Options.Anchors = record.AnchorsFor
	for name, try := range map[string]struct {
		after  time.Duration
		reason Cause
	}{
		"key is still valid":                         {30 * time.Second, causePrinted},
		"key has expired":                            {2 * time.Minute, causeRefused},
		"staples are not valid yet":                  {-2 * time.Hour, causeSignerStatus},
		"certificate of the signer is not valid yet": {-48 * time.Hour, causeSignerExpired},
	} {
		t.Run(name, func(t *testing.T) {
			r := record
			r.Evidence.Time = r.Evidence.Time.Add(try.after)
			verdict, err := r.Decide()
			require.Equal(t, try.reason, New(program, r, verdict, err).Reason)
		})
	}
}

func TestLookupThatSendsNoRequest(t *testing.T) {
	denied := fstest.MapFS{"sys/hypervisor/uuid": {Mode: fs.ModeDir}}
	for name, try := range map[string]struct {
		user    string
		root    fs.FS
		confine error
		reason  Cause
		outcome Outcome
	}{
		"user name is invalid":          {"../../user-data", nitro(), nil, causeUserName, NoKey},
		"machine is not an instance":    {"alice", fstest.MapFS{}, nil, causeNotEC2, NoKey},
		"identity files cannot be read": {"alice", denied, nil, causeMachine, Failed},
		"process cannot be confined":    {"alice", nitro(), errors.New("no such thing"), causeConfine, Failed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.source.Root, w.record.Options.User = try.root, try.user
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

func TestTrustAnchorsThatCannotBeParsed(t *testing.T) {
	w := newWorld(t, nitro())
	w.record.Anchors.Kept = []byte("no PEM")
	w.record.Options.Anchors = w.record.AnchorsFor
	live, record := w.ask(t, budget)
	require.Equal(t, causeAnchors, live.Reason)
	require.Equal(t, live, verifiedAgain(t, record))
	checkRemedies(t, live)
}

// If --trust-anchors names no file, the evidence keeps the anchor of the signer's
// certificate path. It can then be verified on a system without that anchor.
func TestEvidenceKeepsTheAnchorOfTheCertificatePath(t *testing.T) {
	w := newWorld(t, nitro(), "domain=china")
	roots := w.record.AnchorsFor
	w.record.Anchors.Setting, w.record.Anchors.Kept, w.record.Options.Anchors = "auto", nil, roots
	live, record := w.ask(t, budget)
	require.Equal(t, Keys, live.Outcome)
	require.True(t, record.BringsAnchors())
	require.Equal(t, live, verifiedAgain(t, record))
}

// On Xen, an attacker who forges the metadata service's answers can serve an active-keys
// document of another instance, to which the attacker pushed a key.
func TestForgedInstanceIsAcceptedOnXenUnlessTheSettingsNameOne(t *testing.T) {
	const victim = "i-0aaaaaaaaaaaaaaaa"
	w := newWorld(t, xen())
	live, record := w.ask(t, budget)
	require.Equal(t, Keys, live.Outcome, "without instance-id, Xen cannot detect the forgery")
	require.Equal(t, live, verifiedAgain(t, record))
	var text strings.Builder
	require.NoError(t, live.WriteText(&text, false))
	require.Contains(t, text.String(), "can log in as anybody")

	w.record.Options.InstanceID = victim
	live, record = w.ask(t, budget)
	require.Equal(t, Failed, live.Outcome)
	require.Equal(t, victim, live.Flags.InstanceID)
	require.Equal(t, live, verifiedAgain(t, record))
	text.Reset()
	require.NoError(t, live.WriteText(&text, false))
	require.NotContains(t, text.String(), "can log in as anybody")
}

// An explanation sends the requests of a login. If there is no key, it also asks for what
// the advice needs.
func TestRequestsSent(t *testing.T) {
	for name, try := range map[string]struct {
		user string
		root fstest.MapFS
		want []metadata.Stage
	}{
		"key on Nitro":    {"alice", nitro(), []metadata.Stage{"token", "active-keys", "region", "domain", "signer-cert", "staple-list", "staple", "staple", "staple"}},
		"no key on Nitro": {"bob", nitro(), []metadata.Stage{"token", "active-keys", "token", "availability-zone"}},
		"no key on Xen":   {"bob", xen(), []metadata.Stage{"token", "active-keys", "token", "availability-zone", "instance-id"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, try.root)
			w.record.Options.User = try.user
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

func TestTextGivesThePolicyAsFlags(t *testing.T) {
	w := newWorld(t, nitro())
	w.record.Options.Domains = []string{"example.com"}
	w.record.Options.Policy.DenyUsers = []string{"root", "adm*"}
	w.record.Options.Policy.CallerEnvironment = true
	w.record.Options.Policy.KeyOptions = `command="id"`
	report, _ := w.ask(t, budget)
	var text strings.Builder
	require.NoError(t, report.WriteText(&text, false))
	require.Contains(t, text.String(), `decided under --trust-anchors=/etc/anchors.pem --domain=example.com --deny-user=root `+
		`--deny-user="adm*" --key-options="command=\"id\"" --caller-env`+"\n")
	require.Contains(t, text.String(), `sshd gets     environment="EIC_CALLER=`+sim.DefaultCaller+`",environment="EIC_REQUEST=`+
		report.Keys[0].RequestID+`",command="id" `+aliceKey+"\n")
}
