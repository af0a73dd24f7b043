package transcripts

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/audit"
	"eic/internal/evidence"
	"eic/internal/explain"
	"eic/internal/lookup"
	"eic/internal/metadata"
	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/internal/trust"
)

const (
	program  = "eic 0.2.0"
	aliceKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOy89h7QX3Q1jvRWAzMkqQhb4bT4vdg1BfSVDp4gCJkR alice@laptop"
)

// now is the time of every story. The clock does not advance in a story.
var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// tell returns every transcript by name.
func tell(t *testing.T) map[string]string {
	stories := map[string]string{}
	keys := new(ca.Keys)
	for name, world := range map[string]struct {
		faults []string
		dead   bool
		write  func(*testing.T, world) string
	}{
		"good-key":       {write: asText},
		"good-key-json":  {write: asJSON},
		"kept":           {write: keptAndVerified},
		"audit-records":  {write: auditRecords},
		"expired-key":    {faults: []string{"keys=expired"}, write: asText},
		"revoked-signer": {faults: []string{"ocsp=revoked"}, write: asText},
		"dead-metadata":  {dead: true, write: asText},
		"clock-behind":   {faults: []string{"ocsp=clock-behind"}, write: asText},
		"clock-too-far":  {faults: []string{"ocsp=clock-far-behind"}, write: asText},
	} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(now))
			w := ask(t, keys, world.faults, world.dead)
			stories[name] = w.stable.Replace(world.write(t, w))
		})
	}
	tellEvents(t, stories, keys)
	return stories
}

// world is the result of one story.
type world struct {
	record  evidence.Record
	verdict lookup.Result
	report  explain.Explanation
	// stable replaces values that differ in every run.
	stable *strings.Replacer
}

// ask looks up alice's keys on a Nitro instance in a simulated world.
func ask(t *testing.T, keys *ca.Keys, faults []string, dead bool) world {
	s, err := sim.Start(sim.Options{Keys: keys, Faults: faults})
	require.NoError(t, err)
	defer s.Close()
	request, err := s.Push("alice", aliceKey)
	require.NoError(t, err)
	if dead {
		s.Close()
	}
	anchors, err := trust.ParseAnchors(s.Roots)
	require.NoError(t, err)
	record := evidence.Record{Program: program, Anchors: evidence.Anchors{Setting: "auto"}, Options: lookup.Options{
		User:    "alice",
		Anchors: func(string) (*x509.CertPool, error) { return anchors, nil },
	}}
	source := lookup.Source{
		Root: fstest.MapFS{
			"sys/devices/virtual/dmi/id/board_asset_tag": {Data: []byte(sim.DefaultInstanceID + "\n")},
		},
		Metadata: metadata.Options{Endpoint: s.IMDS[0]},
	}
	record, verdict, err := explain.Ask(t.Context(), source, record, time.Now())
	order(record)
	report := explain.New(program, record, verdict, err)
	replace := []string{
		strings.TrimPrefix(s.IMDS[0], "http://"), "169.254.169.254:80",
		request, "9b1c51b4-5f2d-4a7e-9d0b-6a4b2f0e7c31",
	}
	if report.Signer != nil {
		for i, staple := range report.Signer.Staples {
			replace = append(replace, staple.Name, strings.Repeat(fmt.Sprintf("%d0B1C2D3E4", i+1), 4))
		}
	}
	return world{record, verdict, report, strings.NewReplacer(replace...)}
}

// order sorts the concurrent requests, which all have the same time, for readers.
func order(r evidence.Record) {
	stages := []metadata.Stage{metadata.StageRegion, metadata.StageDomain, metadata.StageSigner, metadata.StageStapleList, metadata.StageStaple}
	rank := func(x metadata.Exchange) int {
		staple := slices.IndexFunc(r.Evidence.Signer.Staples, func(s trust.Staple) bool { return strings.HasSuffix(x.Path, s.Name) })
		return slices.Index(stages, x.Stage) + staple
	}
	slices.SortStableFunc(r.Requests, func(a, b metadata.Exchange) int { return rank(a) - rank(b) })
}

const command = "$ eic explain alice\n"

func asText(t *testing.T, w world) string {
	var text bytes.Buffer
	require.NoError(t, w.report.WriteText(&text, false))
	return command + text.String()
}

func asJSON(t *testing.T, w world) string {
	var text bytes.Buffer
	require.NoError(t, w.report.WriteJSON(&text))
	return text.String()
}

// keptAndVerified shows the directory of saved evidence, and the beginning of the output of eic
// verify.
func keptAndVerified(t *testing.T, w world) string {
	name := filepath.Join(t.TempDir(), "evidence")
	directory, err := evidence.Create(name)
	require.NoError(t, err)
	defer directory.Close()
	sum, err := directory.Save(w.record)
	require.NoError(t, err)
	record, _, err := evidence.Load(name)
	require.NoError(t, err)
	record.Options.Anchors = w.record.Options.Anchors
	verdict, err := record.Decide()
	report := explain.New(program, record, verdict, err)
	report.Evidence = &explain.Kept{Program: record.Program, Time: record.Evidence.Time, Manifest: sum}
	var text bytes.Buffer
	require.NoError(t, report.WriteText(&text, false))
	beginning, _, _ := strings.Cut(text.String(), "\nRequests to the metadata service")
	shown := strings.Repeat("5f70bf18a086007016e948b04aed3b82103a36be", 2)[:len(sum)]
	files, err := filepath.Glob(filepath.Join(name, "*"))
	require.NoError(t, err)
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	return strings.NewReplacer(sum, shown).Replace("$ eic explain --save evidence alice > /dev/null\n" +
		"the evidence is in evidence; the SHA-256 of its SHA256SUMS is " + sum + "\n" +
		"$ ls evidence\n" + strings.Join(files, "  ") + "\n$ eic verify evidence\n" + beginning + "…\n")
}

// auditRecords shows the records of a login in the system log, in the default format of syslog
// daemons. The second line is that of sshd.
func auditRecords(t *testing.T, w world) string {
	events := audit.Decisions("alice", w.verdict.Decisions)
	require.Len(t, events, 1)
	return "Nov 22 10:00:01 ip-192-0-2-17 eic[1204]: " + events[0].Text + "\n" +
		"Nov 22 10:00:01 ip-192-0-2-17 sshd[1198]: Accepted publickey for alice from 192.0.2.5 port 50514 ssh2: ED25519 " +
		w.report.Keys[0].Fingerprint + "\n"
}
