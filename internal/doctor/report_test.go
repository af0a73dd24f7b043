package doctor

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/account"
	"eic/test/needs"
)

func example() Report {
	r := Report{Schema: schema, Verdict: OK}
	r.add("a", "first", ok("as it should be"))
	r.add("b", "second", warning("wait <a while>", "nearly %q", "x\n"))
	r.add("c", "third", broken("mend it", "\x1b[31mred\r\nand\u202emore"))
	r.add("d", "fourth", notChecked("run it as root", "cannot tell"))
	return r
}

func TestTextIsOneLineACheckAndARemedy(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, example().WriteText(&out))
	require.Equal(t, `ok           first: as it should be
warning      second: nearly "x\n"
             remedy: wait <a while>
broken       third: \x1b[31mred\r\nand\u202emore
             remedy: mend it
not checked  fourth: cannot tell
             remedy: run it as root
`, out.String())
}

func TestJSONKeepsItsSchema(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, example().WriteJSON(&out))
	require.Equal(t, `{
  "schema": 1,
  "checks": [
    {
      "id": "a",
      "title": "first",
      "verdict": "ok",
      "found": "as it should be",
      "remedy": ""
    },
    {
      "id": "b",
      "title": "second",
      "verdict": "warning",
      "found": "nearly \"x\\n\"",
      "remedy": "wait <a while>"
    },
    {
      "id": "c",
      "title": "third",
      "verdict": "broken",
      "found": "\\x1b[31mred\\r\\nand\\u202emore",
      "remedy": "mend it"
    },
    {
      "id": "d",
      "title": "fourth",
      "verdict": "not checked",
      "found": "cannot tell",
      "remedy": "run it as root"
    }
  ],
  "verdict": "broken"
}
`, out.String())
}

func TestAReportThatNobodyTakes(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close() //nolint:errcheck // it takes nothing
	require.Error(t, example().WriteText(full))
	require.Error(t, example().WriteJSON(full))
}

func TestTheVerdictIsTheWorst(t *testing.T) {
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

func TestExecAsTakesOnTheUser(t *testing.T) {
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
