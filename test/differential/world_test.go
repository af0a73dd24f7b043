package differential

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
	"time"

	"eic/internal/trust"
)

// world is the evidence that both implementations verify, and what only the test knows.
type world struct {
	seed      uint64
	mutations []string

	instance, zone, domain string
	region                 *string // nil where the service is too old to say
	chain                  []byte
	staples                []trust.Staple
	document               []byte
	anchors                []*x509.Certificate

	// honest are the key lines that an honest service would serve here.
	honest map[string]bool
}

// newWorld generates the evidence for a seed.
func newWorld(seed uint64, keys *keys, now time.Time) (*world, error) {
	p := newPlan(seed, keys, now)
	names := p.mutate()
	w, err := p.make()
	if err != nil {
		return nil, err
	}
	w.seed, w.mutations = seed, names
	return w, nil
}

// make generates what the plan describes.
func (p *plan) make() (*world, error) {
	w := &world{instance: p.instance, zone: p.zone, domain: p.domain, region: &p.region, honest: make(map[string]bool)}
	if p.noRegion {
		w.region = nil
	}
	for _, r := range p.anchors {
		if r == middle {
			p.trustMiddle()
			r = trusted
		}
		c, err := p.certificate(r)
		if err != nil {
			return nil, err
		}
		w.anchors = append(w.anchors, c.made)
	}
	for _, r := range p.chain {
		c, err := p.certificate(r)
		if err != nil {
			return nil, err
		}
		w.chain = append(w.chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.der})...)
	}
	for _, edit := range p.chainEdits {
		w.chain = edit(w.chain)
	}
	for i, s := range p.staples {
		text, err := s.text(p)
		if err != nil {
			return nil, err
		}
		w.staples = append(w.staples, trust.Staple{Name: string(rune('A' + i%26)), Body: text})
	}
	return w, p.write(w)
}

// trustMiddle issues a trust anchor with the name and key of the signer's issuer. Of a trust
// anchor only the name and the key count (RFC 5280, section 6.1.1).
func (p *plan) trustMiddle() {
	from := p.certificates[middle]
	c := p.authority("", root)
	c.template.Subject, c.template.SubjectKeyId, c.key = from.template.Subject, from.template.SubjectKeyId, from.key
	p.certificates[trusted] = c
}

// write makes the document.
func (p *plan) write(w *world) error {
	for i, b := range p.blocks {
		text, honest, err := b.text(p.certificates[signer].key, w.instance, p.now)
		if err != nil {
			return err
		}
		if honest {
			w.honest[strings.TrimSuffix(b.key, "\r")] = true
		}
		if i > 0 {
			w.document = append(w.document, '\n')
		}
		w.document = append(w.document, text...)
	}
	for _, edit := range p.textEdits {
		w.document = edit(w.document)
	}
	return nil
}
