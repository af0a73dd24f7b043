package explain

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/authorize"
	"eic/internal/metadata"
)

// everyCause returns every Cause that needs a remedy.
func everyCause() []Cause {
	reasons := []Cause{
		causeUserName, causeNotEC2, causeNoKey, causeMachine, causeAnchors, causeConfine, causeNotAsked,
		causePlace, causeUnknownDomain, causeSignerChain, causeSignerName, causeSignerKey, causeSignerPath,
		causeSignerStatus, causeSignerExpired, causeSignerRevoked,
	}
	for r := authorize.Malformed; !strings.HasPrefix(r.String(), "reason-"); r++ {
		reasons = append(reasons, Cause(r.String()))
	}
	for _, stage := range []metadata.Stage{
		metadata.StageConnect, metadata.StageToken, metadata.StageActiveKeys, metadata.StageInstanceID, metadata.StageRegion,
		metadata.StageZone, metadata.StageDomain, metadata.StageSigner, metadata.StageStapleList, metadata.StageStaple,
	} {
		reasons = append(reasons, Cause(stage))
	}
	return reasons
}

func TestEveryCauseHasARemedy(t *testing.T) {
	seen := map[Cause]bool{}
	for _, reason := range everyCause() {
		require.NotEmpty(t, facts{}.remedy(reason).Text, "%s", reason)
		require.False(t, seen[reason], "two causes are named %s", reason)
		seen[reason] = true
	}
	require.Zero(t, facts{}.remedy(causePrinted))
	require.Zero(t, facts{}.remedy(causeRefused), "expected no remedy, since each key has its own")
}

// The remedy in the text must fit the fault of the simulator.
func TestRemedyFitsTheFault(t *testing.T) {
	const push = "aws ec2-instance-connect send-ssh-public-key --region us-east-1 --instance-id i-0123456789abcdef0 " +
		"--availability-zone us-east-1a --instance-os-user alice --ssh-public-key file://KEYFILE.pub"
	const options = "aws ec2 modify-instance-metadata-options --region REGION --instance-id i-0123456789abcdef0 "
	for fault, want := range map[string]string{
		"imds=disabled":         options + "--http-endpoint enabled",
		"imds=v1-only":          "not IMDSv2",
		"imds=throttled":        "ss --tcp --processes dst 169.254.169.254",
		"token=hang":            options + "--http-put-response-hop-limit 2",
		"token=redirect":        "not IMDSv2",
		"active-keys=404":       push,
		"active-keys=403":       "$TOKEN\" http://169.254.169.254/latest/meta-data/managed-ssh-keys/active-keys/alice",
		"signer-cert=404":       "may not have EC2 Instance Connect",
		"signer-cert=truncated": "/latest/meta-data/managed-ssh-keys/signer-cert",
		"keys=empty":            push,
		"keys=expired":          push,
		"keys=other-instance":   push,
		"keys=certificate":      "no certificate, and no options",
		"keys=options":          "no certificate, and no options",
		"keys=tampered":         "CloudTrail has an event with it",
		"keys=no-timestamp":     "never writes such a block",
		"region=forged":         "http://169.254.169.254/latest/meta-data/placement/region",
		"domain=unknown":        "add --domain NAME",
		"signer=expired":        "timedatectl",
		"chain=stranger-root":   "--trust-anchors",
		"region=other":          "not the certificate of EC2 Instance Connect",
		"ocsp=revoked":          "Log in another way",
		"ocsp=expired":          "timedatectl",
		"ocsp=none":             "wait a few minutes",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			patience := budget
			if fault == "imds=throttled" || fault == "token=hang" || fault == "signer-cert=truncated" {
				patience = 2 * time.Second // these never answer
			}
			report, _ := newWorld(t, nitro(), fault).ask(t, patience)
			text, _ := reports(t, report)
			require.Contains(t, unfilled(text), want)
		})
	}
}

// unfilled joins wrapped lines.
func unfilled(text string) string {
	return strings.Join(strings.Fields(text), " ")
}

func TestRefusalByPolicyNamesTheSetting(t *testing.T) {
	for name, try := range map[string]struct {
		policy authorize.Policy
		want   string
	}{
		"user matches deny-user":               {authorize.Policy{DenyUsers: []string{"a*"}}, "deny-user and allow-user in /etc/eic/eic.conf"},
		"user is not in allow-user":            {authorize.Policy{AllowUsers: []string{"bob"}}, "deny-user and allow-user in /etc/eic/eic.conf"},
		"no allow rule for user and caller":    {authorize.Policy{Rules: []authorize.Rule{{User: "root", Caller: "*"}}}, "allow USER from ARN"},
		"caller does not match require-caller": {authorize.Policy{Callers: []string{"arn:aws:iam::*:role/ops"}}, "require-caller and caller-env in /etc/eic/eic.conf"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nitro())
			w.record.Options.Policy = try.policy
			report, _ := w.ask(t, budget)
			require.Equal(t, NoKey, report.Outcome)
			require.Contains(t, report.Keys[0].Remedy.Text, try.want)
		})
	}
}

// If the clock is ahead by a minute or more, every key has expired on arrival. Pushing again
// does not help.
func TestRemedyForAClockAheadByMoreThanTheLifeOfAKey(t *testing.T) {
	for offset, helps := range map[int64]bool{59: true, 60: false, 600: false, -600: true} {
		remedy := facts{offset: offset}.remedy(Cause(authorize.Expired.String()))
		require.Equal(t, helps, strings.Contains(remedy.Text, "Push it again"), remedy.Text)
		require.Equal(t, !helps, strings.Contains(remedy.Text, "Until the clock is set"), remedy.Text)
	}
	require.Equal(t, "chronyc makestep", facts{offset: 600}.remedy(Cause(authorize.Expired.String())).Commands[0])
}

// The Date header has whole seconds. An offset is reported only if it is certainly at least
// a second.
func TestClockOffset(t *testing.T) {
	date := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for name, try := range map[string]struct {
		here  time.Duration
		want  int64
		words string
	}{
		"half a second after the Date header, perhaps exact":          {500 * time.Millisecond, 0, ""},
		"1.9 seconds after the Date header, perhaps only 0.9 ahead":   {1900 * time.Millisecond, 0, ""},
		"0.9 seconds before the Date header, perhaps only 0.9 behind": {-900 * time.Millisecond, 0, ""},
		"clock is 31 seconds ahead":                                   {31 * time.Second, 30, "30 seconds ahead of the metadata service's"},
		"clock is an hour behind":                                     {-time.Hour, -3600, "3600 seconds behind the metadata service's"},
		"no answer has a date":                                        {},
	} {
		t.Run(name, func(t *testing.T) {
			x := metadata.Exchange{Start: date.Add(try.here), Date: date}
			if try.here == 0 {
				require.Nil(t, clockOffset([]metadata.Exchange{{}}))
				return
			}
			offset := clockOffset([]metadata.Exchange{{}, x, {}})
			require.Equal(t, try.want, *offset)
			for _, reason := range []Cause{Cause(authorize.Expired.String()), causeSignerExpired, causeSignerStatus} {
				remedy := facts{offset: *offset}.remedy(reason)
				require.Equal(t, try.words != "", strings.Contains(remedy.Text, "clock is "+try.words+", which may"), remedy.Text)
			}
			text, _ := reports(t, Explanation{Requests: []Request{{}}, ClockOffset: offset})
			require.Equal(t, try.words != "", strings.Contains(text, "this machine's clock is "))
		})
	}
}
