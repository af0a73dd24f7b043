package guard

import (
	"crypto/x509"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/activekeys"
	"eic/internal/authorize"
	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/internal/sim/document"
	"eic/internal/trust"
)

// step is a part of a run that does no I/O.
type step struct {
	name string
	do   func()
}

// material is the input of the steps.
type material struct {
	one, many []byte // documents with 1 key and with 200 keys
	evidence  trust.SignerEvidence
	anchors   *x509.CertPool
	signer    *trust.Signer
	now       time.Time
}

const manyKeys = 200

func newMaterial(tb testing.TB) material {
	tb.Helper()
	keys, now := new(ca.Keys), time.Now()
	pki, err := ca.Good(ca.SignerName(sim.DefaultRegion, sim.DefaultDomain), now).Build(keys)
	require.NoError(tb, err)
	roots, err := keys.Anchors()
	require.NoError(tb, err)
	m := material{now: now, evidence: trust.SignerEvidence{Chain: pki.Chain}}
	m.anchors, err = trust.ParseAnchors(roots.PEM())
	require.NoError(tb, err)
	for name, text := range pki.Staples {
		m.evidence.Staples = append(m.evidence.Staples, trust.Staple{Name: name, Body: text})
	}
	writer := document.NewWriter(document.Form{}, pki.SignerKey)
	m.one, m.many = newDocument(tb, writer, 1), newDocument(tb, writer, manyKeys)
	m.signer, err = trust.Verify(m.evidence, sim.DefaultRegion, sim.DefaultDomain, m.anchors, now)
	require.NoError(tb, err)
	return m
}

func newDocument(tb testing.TB, writer *document.Writer, keys int) []byte {
	tb.Helper()
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOy89h7QX3Q1jvRWAzMkqQhb4bT4vdg1BfSVDp4gCJkR alice@laptop"
	var entries []document.Entry
	for i := range keys {
		request := fmt.Sprintf("f2e7c3d9-ef92-4b1a-8e50-%012d", i)
		entries = append(entries, document.NewEntry(time.Now().Add(time.Hour), sim.DefaultInstanceID, sim.DefaultCaller, request, key))
	}
	text, err := writer.Document(entries)
	require.NoError(tb, err)
	return text
}

// steps returns the steps without I/O for a printed key.
func (m material) steps() []step {
	question := authorize.Criteria{User: "alice", Instance: sim.DefaultInstanceID, Now: m.now}
	one, many := activekeys.Parse(m.one), activekeys.Parse(m.many)
	decisions := authorize.Screen(one, question)
	undecided := decisions[0]
	return []step{
		{"Parse/1-key", func() { activekeys.Parse(m.one) }},
		{"Parse/200-keys", func() { activekeys.Parse(m.many) }},
		{"Screen/1-key", func() { authorize.Screen(one, question) }},
		{"Screen/200-keys", func() { authorize.Screen(many, question) }},
		{"Anchors", func() { trust.AmazonAnchors() }},
		{"Verify", func() {
			_, _ = trust.Verify(m.evidence, sim.DefaultRegion, sim.DefaultDomain, m.anchors, m.now) // newMaterial has required success
		}},
		{"VerifySignature", func() { _ = m.signer.VerifySignature(one[0].Signed, one[0].Signature) }},
		{"Verify/1-key", func() {
			decisions[0] = undecided
			authorize.Verify(decisions, sim.DefaultInstanceID, m.now, m.signer)
		}},
	}
}

// Benchmark measures the steps without I/O for a printed key, for benchstat.
func Benchmark(b *testing.B) {
	for _, s := range newMaterial(b).steps() {
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.do()
			}
		})
	}
}
