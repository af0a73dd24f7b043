package lookup_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"eic/internal/authorize"
	"eic/internal/lookup"
	"eic/internal/trust"
)

// savedEvidence is evidence from a simulated metadata service, saved in testdata, with the
// certificate of its genuine signer.
type savedEvidence struct {
	evidence lookup.Evidence
	options  lookup.Options
	signer   *x509.Certificate
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "world", name))
	require.NoError(t, err)
	return text
}

func loadSaved(t testing.TB) savedEvidence {
	t.Helper()
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(string(file(t, "time"))))
	require.NoError(t, err)
	anchors, err := trust.ParseAnchors(file(t, "anchors.pem"))
	require.NoError(t, err)
	k := savedEvidence{
		evidence: lookup.Evidence{
			Time: at, Instance: "i-0123456789abcdef0", ActiveKeys: file(t, "document-good"),
			Region: []byte("us-east-1"), Domain: []byte("amazonaws.com"),
			Signer: trust.SignerEvidence{Chain: file(t, "signer-cert")},
		},
		options: lookup.Options{User: "alice", Anchors: func(string) (*x509.CertPool, error) { return anchors, nil }},
	}
	for i := range 3 {
		k.evidence.Signer.Staples = append(k.evidence.Signer.Staples, trust.Staple{Body: file(t, fmt.Sprintf("staple-%d", i+1))})
	}
	block, _ := pem.Decode(k.evidence.Signer.Chain)
	require.NotNil(t, block)
	k.signer, err = x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return k
}

// FuzzVerdict verifies arbitrary evidence. Each printed key must have been signed by the
// genuine signer.
func FuzzVerdict(f *testing.F) {
	good := loadSaved(f)
	staples := good.evidence.Signer.Staples
	for _, document := range [][]byte{
		good.evidence.ActiveKeys, file(f, "document-mixed"),
		bytes.ReplaceAll(good.evidence.ActiveKeys, []byte("\n"), []byte("\r\n")),
		append([]byte("#Timestamp=1\n"), good.evidence.ActiveKeys...), nil,
	} {
		f.Add(document, good.evidence.Signer.Chain, staples[0].Body, staples[1].Body, staples[2].Body, "us-east-1", "amazonaws.com")
	}
	f.Add(good.evidence.ActiveKeys, good.evidence.Signer.Chain, staples[1].Body, staples[0].Body, []byte("MAMKAQM="), "", "amazonaws.com.cn")
	f.Fuzz(func(t *testing.T, document, chain, first, second, third []byte, region, domain string) {
		e := good.evidence
		e.ActiveKeys = document
		e.Region, e.Domain, e.Zone = []byte(region), []byte(domain), []byte(region+"a")
		if region == "" {
			e.Region = nil
		}
		e.Signer = trust.SignerEvidence{Chain: chain, Staples: []trust.Staple{{Body: first}, {Body: second}, {Body: third}}}
		verdict := lookup.Screen(e, good.options)
		if err := verdict.Verify(e, good.options); err != nil {
			require.Nil(t, verdict.Signer)
			require.Empty(t, verdict.Region+verdict.Domain)
			for _, d := range verdict.Decisions {
				require.NotEqual(t, authorize.Printed, d.Reason)
			}
			return
		}
		for _, d := range verdict.Decisions {
			if d.Reason == authorize.Printed {
				good.check(t, document, verdict, d)
			}
		}
	})
}

// check verifies what must be true of a printed key.
func (k savedEvidence) check(t *testing.T, document []byte, v lookup.Result, d authorize.Decision) {
	t.Helper()
	require.Equal(t, k.signer.Raw, v.Signer.Chain[0].Raw)
	require.True(t, bytes.Contains(document, d.Entry.Signed), "the signed text is not part of the document")
	lines := strings.SplitAfter(string(d.Entry.Signed), "\n")
	require.Equal(t, string(d.Entry.Key)+"\n", lines[len(lines)-2], "the printed key is not the signed key")
	digest := sha256.Sum256(d.Entry.Signed)
	require.NoError(t, rsa.VerifyPSS(k.signer.PublicKey.(*rsa.PublicKey), crypto.SHA256, digest[:], d.Entry.Signature,
		&rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}))
	require.Contains(t, string(d.Entry.Signed), "#Instance="+k.evidence.Instance+"\n")
	_, _, options, rest, err := ssh.ParseAuthorizedKey(d.Entry.Key)
	require.NoError(t, err)
	require.Empty(t, options)
	require.Empty(t, rest)
}

// The seeds of FuzzVerdict must be accepted, or the fuzzer only sees refusals.
func TestSavedEvidenceIsAccepted(t *testing.T) {
	for document, want := range map[string][]authorize.Reason{
		"document-good":  {authorize.Printed},
		"document-mixed": {authorize.Printed, authorize.Expired, authorize.OtherInstance, authorize.UnsupportedKey, authorize.Printed},
	} {
		k := loadSaved(t)
		k.evidence.ActiveKeys = file(t, document)
		verdict := lookup.Screen(k.evidence, k.options)
		require.NoError(t, verdict.Verify(k.evidence, k.options))
		var reasons []authorize.Reason
		for _, d := range verdict.Decisions {
			reasons = append(reasons, d.Reason)
		}
		require.Equal(t, want, reasons, document)
	}
}
