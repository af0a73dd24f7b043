package evidence

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/authorize"
	"eic/internal/instance"
	"eic/internal/lookup"
	"eic/internal/metadata"
	"eic/internal/trust"
)

var kept = time.Date(2026, 11, 22, 10, 0, 0, 123456789, time.UTC)

// full returns a Record with a value in every field.
func full() Record {
	return Record{
		Program: "eic 1.2.3",
		Evidence: lookup.Evidence{
			Time:       kept,
			Identity:   instance.Identity{Platform: instance.Nitro, ID: "i-0123456789abcdef0"},
			Instance:   "i-0123456789abcdef0",
			ActiveKeys: []byte("#Timestamp=1\nnot much of a block\n"),
			Region:     []byte("us-east-1\n"),
			Zone:       []byte("us-east-1a"),
			Domain:     []byte("amazonaws.com"),
			Signer: trust.SignerEvidence{
				Chain: []byte("no PEM"),
				Staples: []trust.Staple{
					{Name: "0A1B", Body: []byte("no base64")},
					{Name: "../../etc/passwd", Err: errors.New("was not requested")},
					{Name: "0A1B", Body: []byte{}},
					{Name: "\xff\x1b[2J", Body: []byte("\x00\xff")},
				},
			},
		},
		Options: lookup.Options{
			User: "alice", Fingerprint: "MD5:00", InstanceID: "i-0123456789abcdef0", Partition: "aws-cn", Domains: []string{"example.com"},
			Policy: authorize.Policy{
				DenyUsers: []string{"root"}, AllowUsers: []string{"a*"}, Callers: []string{"arn:*"}, Rules: []authorize.Rule{{User: "a*", Caller: "arn:*"}},
				KeyOptions: "restrict", CallerEnvironment: true,
			},
		},
		AnyMachine: true,
		Anchors:    Anchors{Setting: "/etc/anchors.pem", Kept: []byte("no PEM either")},
		Requests: []metadata.Exchange{{
			Stage: metadata.StageToken, Method: "PUT", Path: "/latest/api/token", Status: 200, Bytes: 56,
			Start: kept, Duration: 1500 * time.Microsecond, Date: kept.Truncate(time.Second), Err: errors.New("but no"),
		}},
		Failure: &Failure{Stage: "domain", Message: "it broke off"},
	}
}

func save(t *testing.T, r Record) (directory, sum string) {
	t.Helper()
	directory = filepath.Join(t.TempDir(), "evidence")
	d, err := Create(directory)
	require.NoError(t, err)
	defer d.Close()
	sum, err = d.Save(r)
	require.NoError(t, err)
	return directory, sum
}

func TestSavedRecordLoadsUnchanged(t *testing.T) {
	// A field of the policy that is not saved would change the result.
	policy := reflect.ValueOf(full().Options.Policy)
	for i := range policy.NumField() {
		require.False(t, policy.Field(i).IsZero(), "policy field %s is missing in this test", policy.Type().Field(i).Name)
	}
	for name, r := range map[string]Record{
		"every field":       full(),
		"only the time":     {Evidence: lookup.Evidence{Time: kept}},
		"empty document":    {Evidence: lookup.Evidence{Time: kept, ActiveKeys: []byte{}, Region: []byte{}}},
		"no staples listed": {Evidence: lookup.Evidence{Time: kept, Signer: trust.SignerEvidence{Chain: []byte{}, Staples: []trust.Staple{}}}},
	} {
		t.Run(name, func(t *testing.T) {
			directory, sum := save(t, r)
			got, gotSum, err := Load(directory)
			require.NoError(t, err)
			require.Equal(t, r, got)
			require.Equal(t, sum, gotSum)
		})
	}
}

// An auditor without eic can check the files with sha256sum(1).
func TestSHA256SUMSIsCheckedBySha256sum(t *testing.T) {
	directory, sum := save(t, full())
	check := exec.Command("sha256sum", "--check", "--strict", manifestFile)
	check.Dir = directory
	out, err := check.CombinedOutput()
	require.NoError(t, err, "%s", out)
	text, err := os.ReadFile(filepath.Join(directory, manifestFile))
	require.NoError(t, err)
	require.Equal(t, digest(text), sum)
}

func TestDecide(t *testing.T) {
	document := []byte("#Timestamp=1795341660\n#Instance=i-0123456789abcdef0\n" +
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOy89h7QX3Q1jvRWAzMkqQhb4bT4vdg1BfSVDp4gCJkR\nAAAA\n")
	r := Record{Evidence: lookup.Evidence{Time: time.Unix(1795341600, 0), ActiveKeys: document}}

	_, err := r.Decide()
	require.ErrorIs(t, err, ErrNotAsked, "expected an error for an undecided key without a signer")

	r.Evidence.Time = time.Unix(1795341660, 0)
	verdict, err := r.Decide()
	require.NoError(t, err)
	require.Equal(t, authorize.Expired, verdict.Decisions[0].Reason)

	r.Evidence.Time = time.Unix(1795341600, 0)
	r.Failure = &Failure{Stage: "domain", Message: "it broke off"}
	verdict, err = r.Decide()
	require.Equal(t, r.Failure, err, "expected the saved failure")
	require.Equal(t, authorize.Undecided, verdict.Decisions[0].Reason)

	r.Evidence.ActiveKeys = nil
	_, err = r.Decide()
	require.Equal(t, r.Failure, err)

	r.Failure = nil
	verdict, err = r.Decide()
	require.NoError(t, err, "expected no error without a key")
	require.Empty(t, verdict.Decisions)
}

// An attacker may fabricate a Record with their own trust anchors. Those must not replace
// Amazon's. In any other case, BringsAnchors must report them.
func TestTrustAnchorsOfARecord(t *testing.T) {
	amazon, err := os.ReadFile("../trust/roots/amazon-root-ca-1.pem")
	require.NoError(t, err)
	for _, try := range []struct {
		name, setting, domain string
		kept                  []byte
		brings, equal         bool // equal: the pool is that of the kept anchors
	}{
		{"built-in anchors ignore a kept one", "auto", trust.AmazonDomain, amazon, false, false},
		{"built-in anchors, and none was kept", "auto", trust.AmazonDomain, nil, false, false},
		{"anchors of a file", "/etc/anchors.pem", trust.AmazonDomain, amazon, true, true},
		{"system anchors for another partition", "auto", "amazonaws.com.cn", amazon, true, true},
		{"system anchors, and none was kept", "system", "amazonaws.com.cn", nil, false, false},
	} {
		t.Run(try.name, func(t *testing.T) {
			r := Record{Anchors: Anchors{Setting: try.setting, Kept: try.kept}}
			r.Evidence.Domain = []byte(try.domain + "\n")
			require.Equal(t, try.brings, r.BringsAnchors())
			pool, err := r.AnchorsFor(try.domain)
			require.NoError(t, err)
			only, err := trust.ParseAnchors(amazon)
			require.NoError(t, err)
			require.Equal(t, try.equal, pool.Equal(only))
		})
	}
	_, err = Record{Anchors: Anchors{Setting: "file", Kept: []byte("no PEM")}}.AnchorsFor(trust.AmazonDomain)
	require.ErrorContains(t, err, "reading the trust anchors kept with the evidence: ")
}
