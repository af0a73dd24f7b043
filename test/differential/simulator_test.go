package differential

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/lookup"
	"eic/internal/metadata"
	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/internal/trust"
	"eic/test/openssl"
)

const pushedKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEx somebody"

// If eic prints a key in a scenario of the simulator, openssl must accept that key too.
func TestOpenSSLAcceptsTheKeysThatEicPrints(t *testing.T) {
	keys := new(ca.Keys)
	worlds := [][]string{nil}
	for _, fault := range sim.Faults() {
		if fault.Expect == sim.Printed {
			worlds = append(worlds, []string{fault.Name})
		}
	}
	for _, faults := range worlds {
		t.Run(strings.Join(append(faults, "world"), " "), func(t *testing.T) {
			w, _ := simulated(t, sim.Options{Keys: keys, Faults: faults})
			result := w.compare(t.Context(), t.TempDir())
			require.NoError(t, result.err)
			require.Empty(t, result.permissive)
			ours, _ := w.ours(time.Now())
			require.Contains(t, ours.keys, pushedKey)
		})
	}
}

// An implementation that accepts everything proves nothing. So each kind of evidence is
// verified once with a wrong key, location or text.
func TestOpenSSLRefusesWrongEvidence(t *testing.T) {
	w, answer := simulated(t, sim.Options{})
	o := program{t.Context(), t.TempDir()}
	chain := answer.Result.Signer.Chain
	entry := answer.Result.Decisions[0].Entry

	result, err := o.verify(chain[len(chain)-1:], openssl.PEM(chain[0]))
	require.NoError(t, err)
	require.NotEmpty(t, result.reason, "the chain must not verify without the issuer")
	for _, s := range w.staples {
		if s.Name != answer.Result.Signer.Statuses[1].Name {
			continue
		}
		vouchers, err := o.staple(s.Body, chain)
		require.NoError(t, err)
		require.Equal(t, []voucher{{}, {good: true}}, vouchers, "a staple must not count for another certificate")
	}
	for what, try := range map[string]struct {
		signer *x509.Certificate
		text   []byte
		want   bool
	}{
		"the signer's key and text": {chain[0], entry.Signed, true},
		"another certificate's key": {chain[1], entry.Signed, false},
		"another text":              {chain[0], entry.Signed[1:], false},
	} {
		ok, err := o.signed(try.signer, try.text, entry.Signature)
		require.NoError(t, err)
		require.Equal(t, try.want, ok, what)
	}
}

// simulated starts a simulator, pushes a key, fetches the document, and returns the
// evidence that was served.
func simulated(t *testing.T, options sim.Options) (*world, lookup.Answer) {
	t.Helper()
	s, err := sim.Start(options)
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Push("alice", pushedKey)
	require.NoError(t, err)
	pool, err := trust.ParseAnchors(s.Roots)
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	answer, err := lookup.Ask(ctx,
		lookup.Source{Root: fstest.MapFS{}, AnyMachine: true, Metadata: metadata.Options{Endpoint: s.IMDS[0]}},
		lookup.Options{User: "alice", Anchors: func(string) (*x509.CertPool, error) { return pool, nil }},
		time.Now())
	require.NoError(t, err)

	e := answer.Evidence
	w := &world{
		instance: e.Instance, zone: lookup.Line(e.Zone), domain: lookup.Line(e.Domain),
		chain: e.Signer.Chain, staples: e.Signer.Staples, document: e.ActiveKeys,
		anchors: certificates(t, s.Roots), honest: make(map[string]bool),
	}
	for _, d := range answer.Result.Decisions {
		w.honest[string(d.Entry.Key)] = true // the simulator has ended
	}
	if e.Region != nil {
		region := lookup.Line(e.Region)
		w.region = &region
	}
	return w, answer
}

func certificates(t *testing.T, text []byte) []*x509.Certificate {
	t.Helper()
	var read []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return read
		}
		c, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		read = append(read, c)
	}
}
