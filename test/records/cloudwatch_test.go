package records

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/awslabs/goformation/v7"
	"github.com/awslabs/goformation/v7/cloudformation"
	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/test/host"
	"eic/test/host/hosttest"
)

// alarms parses the template with CloudFormation's own schema.
func alarms(t *testing.T) *cloudformation.Template {
	t.Helper()
	template, err := goformation.Open("../../packaging/cloudwatch/alarms.yaml")
	require.NoError(t, err)
	return template
}

// An alarm on a metric without a filter would never go off.
func TestEveryAlarmHasAFilter(t *testing.T) {
	template := alarms(t)
	var filtered, alarmed []string
	for _, filter := range template.GetAllLogsMetricFilterResources() {
		require.Len(t, filter.MetricTransformations, 1)
		made := filter.MetricTransformations[0]
		require.Equal(t, "1", made.MetricValue)
		filtered = append(filtered, made.MetricNamespace+"/"+made.MetricName)
	}
	for _, alarm := range template.GetAllCloudWatchAlarmResources() {
		require.Equal(t, "Sum", *alarm.Statistic)
		require.NotEmpty(t, alarm.AlarmActions)
		alarmed = append(alarmed, *alarm.Namespace+"/"+*alarm.MetricName)
	}
	require.ElementsMatch(t, []string{"eic/bad-signature", "eic/signer-untrusted", "eic/unanswered"}, filtered)
	require.ElementsMatch(t, filtered, alarmed)
	require.LessOrEqual(t, len(filtered), 5, "CloudWatch Logs accepts five filters with regular expressions for a log group")
}

// filters returns the filter patterns by the name of the metric. A regular expression of
// CloudWatch Logs is between percent signs and has only these operators and characters
// (CloudWatch Logs User Guide, "Supported regular expressions syntax").
func filters(t *testing.T) map[string]*regexp.Regexp {
	t.Helper()
	found := map[string]*regexp.Regexp{}
	for _, filter := range alarms(t).GetAllLogsMetricFilterResources() {
		pattern := filter.FilterPattern
		require.LessOrEqual(t, len(pattern), 1024)
		require.Regexp(t, `^%[A-Za-z0-9:_#=@/;,^$?\[\]{}|\\*+.-]+%$`, pattern)
		found[filter.MetricTransformations[0].MetricName] = regexp.MustCompile(strings.Trim(pattern, "%"))
	}
	return found
}

// matching returns the metrics whose filters match a line, in the traditional and in the
// ISO 8601 format of syslog daemons.
func matching(t *testing.T, filters map[string]*regexp.Regexp, line host.Line) []string {
	t.Helper()
	var all [][]string
	for _, head := range []string{"Nov  2 12:34:56 ip-10-0-0-1", "2026-11-02T12:34:56.123456+00:00 ip-10-0-0-1"} {
		var names []string
		for name, filter := range filters {
			if filter.MatchString(fmt.Sprintf("%s %s[123]: %s", head, line.Program, line.Text)) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		all = append(all, names)
	}
	require.Equal(t, all[0], all[1], "expected the same filters to match both formats")
	return all[0]
}

// Each filter matches its records, as text and as JSON, and no other line, whatever user name
// an attacker sends to sshd.
func TestFiltersMatchExactlyTheirRecords(t *testing.T) {
	filters := filters(t)
	for fault, want := range map[string][]string{
		"keys=wrong-signer": {"bad-signature"},
		"ocsp=revoked":      {"signer-untrusted"},
		"imds=disabled":     {"unanswered"},
		"keys=expired":      nil,
	} {
		for _, format := range []string{"text", "json"} {
			t.Run(fault+" "+format, func(t *testing.T) {
				h := hosttest.Start(t, host.Options{Sim: sim.Options{Faults: []string{fault}}},
					"AuthorizedKeysCommand "+host.Binary+" authorized-keys --log-format="+format+" --trust-anchors "+host.TrustAnchors+" %u %f\n"+host.RunAsServiceUser)
				key := hosttest.NewKey(t, h, "key")
				hosttest.Push(t, h, "alice", key)
				hosttest.RequireNoLogin(t, h, "alice", key)
				for _, stranger := range []string{"eic[1] unanswered", "a b c d eic[1]: bad-signature signer-untrusted unanswered", "unanswered eic[1] bad-signature signer-untrusted"} {
					hosttest.RequireNoLogin(t, h, stranger, key)
				}
				var counted [][]string
				strange := 0
				for _, line := range h.Log.Lines("") {
					if strings.Contains(line.Text, "unanswered") && line.Program != "eic" {
						strange++
					}
					if names := matching(t, filters, line); names != nil {
						counted = append(counted, names)
						require.Equal(t, "eic", line.Program, line.Text)
					}
				}
				require.NotZero(t, strange, "expected sshd to log the attacker's user name")
				if want == nil {
					require.Empty(t, counted)
					return
				}
				require.True(t, slices.EqualFunc(counted, [][]string{want}, slices.Equal), "%q", counted)
			})
		}
	}
}
