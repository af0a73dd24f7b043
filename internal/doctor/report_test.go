package doctor

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/account"
	"eic/internal/lookup"
	"eic/test/needs"
)

// example returns a report with each verdict, and with checks that were skipped because of
// others.
func example() Report {
	now := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	r := Host{Program: "eic 1.2.3", Name: "ip-192-0-2-17", Now: now, User: "alice", Named: true}.newReport()
	r.InstanceID = "i-0123456789abcdef0"
	r.add("a", "first", ok("as it should be"))
	r.add("b", "second", warning("wait <a while>", "nearly %q", "x\n"))
	r.add("c", "third", broken("systemctl start third", "\x1b[31mred\r\nand\u202emore, %s", strings.Repeat("again ", 15)))
	r.add("d", "fourth", skipped("c", "no third"))
	r.add("e", "fifth", skipped("d", "no fourth"))
	r.add("f", "sixth", notChecked("run eic doctor as root", "cannot tell"))
	r.add("g", "seventh", notChecked("run eic doctor as root", "cannot see"))
	r.add("h", "eighth", notChecked("nothing, if it is not wanted", "not in use"))
	return r
}

// Without -v, the text is short: problems only, and one line for checks with the same
// remedy.
func TestTextListsProblemsOnly(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, example().WriteText(&out, Layout{}))
	require.Equal(t, `broken       third: \x1b[31mred\r\nand\u202emore, again again again again again
             again again again again again again again again again again
             try: systemctl start third
             checks skipped because of this: 2
warning      second: nearly "x\n"
             try: wait <a while>
not checked  sixth, seventh
             try: run eic doctor as root
RESULT: broken (broken: 1, warnings: 1, ok: 1, not checked: 5); -v lists all
`, out.String())
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, len(line), columns+1)
	}
	require.NotContains(t, out.String(), "\x1b")
}

func TestVerboseTextListsEveryCheck(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, example().WriteText(&out, Layout{All: true, Color: true}))
	require.True(t, strings.HasPrefix(out.String(), "\x1b[1;32mok           \x1b[0mfirst: as it should be\n\x1b[1;33mwarning"), out.String())
	require.Contains(t, out.String(), "\x1b[1mnot checked  \x1b[0mfifth: no fourth\n")
	require.True(t, strings.HasSuffix(out.String(), "\nRESULT: broken (broken: 1, warnings: 1, ok: 1, not checked: 5)\n"), out.String())
}

func TestPrometheusOutput(t *testing.T) {
	r := example()
	r.SignerUntil, r.ClockOffset = r.Time.Add(36*time.Hour), &lookup.ClockOffset{Ahead: 1500 * time.Millisecond}
	var out bytes.Buffer
	require.NoError(t, r.WritePrometheus(&out))
	for _, line := range []string{
		`eic_doctor_check{id="a"} 0`, `eic_doctor_check{id="b"} 1`, `eic_doctor_check{id="c"} 2`, `eic_doctor_check{id="f"} 3`,
		"# TYPE eic_doctor_verdict gauge", "eic_doctor_verdict 2", "eic_doctor_time_seconds 1795748400",
		"eic_signer_days_left 1.500", "eic_clock_offset_seconds 1.500",
	} {
		require.Contains(t, out.String(), line+"\n")
	}
	for line := range strings.Lines(out.String()) {
		require.Regexp(t, `^(# (HELP|TYPE) [a-z_]+ .*|[a-z_]+(\{id="[a-z-]+"\})? -?[0-9.]+)\n$`, line)
	}
	require.Equal(t, 2, r.ExitStatus(), "exit status of a broken host")
}

func TestWritingToAFullDiskFails(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close() //nolint:errcheck // nothing was written
	require.Error(t, example().WriteText(full, Layout{}))
	require.Error(t, example().WriteJSON(full))
	require.Error(t, example().WritePrometheus(full))
}

func TestVerdictOfAReportIsItsWorst(t *testing.T) {
	fine, fair, bad, open := ok("x"), warning("y", "x"), broken("y", "x"), notChecked("y", "x")
	for _, try := range []struct {
		want     Verdict
		findings []Finding
	}{
		{OK, nil},
		{OK, []Finding{fine, open}},
		{Warning, []Finding{fair, fine, open}},
		{Broken, []Finding{fine, bad, fair, fine}},
	} {
		r := Report{Verdict: OK}
		for _, f := range try.findings {
			r.add("id", "title", f)
		}
		require.Equal(t, try.want, r.Verdict)
	}
}

func TestExecAsChangesUserGroupsAndEnvironment(t *testing.T) {
	needs.Root(t)
	nobody := Account{
		account.Account{Name: "nobody", UID: 65534, GID: 65533, Home: "/nonexistent"}, []account.Group{{GID: 65533}, {GID: 65532}},
	}
	stdout, stderr, err := ExecAs(context.Background(), nobody, "/bin/sh", "sh", "-c", "id -u; id -g; id -G; pwd; env | sort")
	require.NoError(t, err)
	require.Empty(t, string(stderr))
	require.Equal(t, "65534\n65533\n65533 65532\n/\n"+
		"HOME=/nonexistent\nLOGNAME=nobody\nPATH=/usr/bin:/bin:/usr/sbin:/sbin\nPWD=/\nUSER=nobody\n", string(stdout))

	_, stderr, err = ExecAs(context.Background(), nobody, "/bin/sh", "sh", "-c", "echo why >&2; exit 3")
	require.ErrorContains(t, err, "exit status 3")
	require.Equal(t, "why\n", string(stderr))

	_, _, err = ExecAs(context.Background(), nobody, "/etc/shadow", "shadow")
	require.ErrorIs(t, err, os.ErrPermission)
}
