package crosscheck

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/authorize"
	"eic/internal/lookup"
	"eic/internal/metadata"
	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/internal/trust"
)

const pushedKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEx somebody"

// Whatever is strange about a world in which eic prints a key, openssl must find
// nothing wrong with the evidence.
func TestOpenSSLAcceptsWhatIsPrinted(t *testing.T) {
	keys := new(ca.Keys)
	worlds := [][]string{nil}
	for _, fault := range sim.Faults() {
		if fault.Expect == sim.Printed {
			worlds = append(worlds, []string{fault.Name})
		}
	}
	for _, faults := range worlds {
		t.Run(strings.Join(append(faults, "world"), " "), func(t *testing.T) {
			report := ask(t, sim.Options{Keys: keys, Faults: faults})
			openssl := OpenSSL{Dir: t.TempDir()}
			chain := report.Result.Signer.Chain
			require.NoError(t, openssl.VerifyChain(t.Context(), chain))
			require.Len(t, report.Result.Signer.Good, len(chain)-1)
			for i, status := range report.Result.Signer.Good {
				require.NoError(t, openssl.VerifyStatus(t.Context(), chain, i, staple(t, report, status.Name)))
			}
			printed := 0
			for _, d := range report.Result.Decisions {
				if d.Reason == authorize.Printed {
					printed++
					require.NoError(t, openssl.VerifySignature(t.Context(), chain[0].PublicKey, d.Entry.Signed, d.Entry.Signature))
				}
			}
			require.NotZero(t, printed)
		})
	}
}

// ask starts a simulator, pushes a key, and inquires after it.
func ask(t *testing.T, options sim.Options) lookup.Answer {
	t.Helper()
	s, err := sim.Start(options)
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Push("alice", pushedKey)
	require.NoError(t, err)
	anchors, err := trust.ParseAnchors(s.Roots)
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	report, err := lookup.Ask(ctx,
		lookup.Source{Root: fstest.MapFS{}, AnyMachine: true, Metadata: metadata.Options{Endpoint: s.IMDS[0]}},
		lookup.Terms{User: "alice", Anchors: func(string) (*x509.CertPool, error) { return anchors, nil }},
		time.Now())
	require.NoError(t, err)
	return report
}

// staple is the DER of the staple that was listed under a name.
func staple(t *testing.T, report lookup.Answer, name string) []byte {
	t.Helper()
	for _, s := range report.Evidence.Signer.Staples {
		if s.Name == name {
			der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(s.Body)), ""))
			require.NoError(t, err)
			return der
		}
	}
	require.Fail(t, "no such staple", name)
	return nil
}

// A judge that finds everything good proves nothing, so each kind of evidence is held
// against another key, place or text once.
func TestOpenSSLRefusesWhatIsWrong(t *testing.T) {
	report := ask(t, sim.Options{})
	openssl := OpenSSL{Dir: t.TempDir()}
	chain, good := report.Result.Signer.Chain, report.Result.Signer.Good
	signed, signature := report.Result.Decisions[0].Entry.Signed, report.Result.Decisions[0].Entry.Signature
	ctx := t.Context()

	require.Error(t, openssl.VerifyChain(ctx, []*x509.Certificate{chain[0], chain[len(chain)-1]}), "a certificate is missing")
	require.Error(t, openssl.VerifyStatus(ctx, chain, 0, staple(t, report, good[1].Name)), "another certificate's staple")
	require.Error(t, openssl.VerifySignature(ctx, chain[1].PublicKey, signed, signature), "another certificate's key")
	require.Error(t, openssl.VerifySignature(ctx, chain[0].PublicKey, signed[1:], signature), "another text")
}
