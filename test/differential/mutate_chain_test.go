package differential

import (
	"bytes"
	"encoding/pem"
)

// chainMutations are those of which certificates are served, and how.
func chainMutations() []mutation {
	return []mutation{
		{"the chain in another order", func(p *plan) {
			p.Shuffle(len(p.chain)-1, func(i, j int) { p.chain[i+1], p.chain[j+1] = p.chain[j+1], p.chain[i+1] })
		}},
		{"the signer not first", func(p *plan) { p.chain = []role{middle, signer, cross} }},
		{"a certificate missing", func(p *plan) {
			i := p.IntN(len(p.chain))
			p.chain = append(append([]role(nil), p.chain[:i]...), p.chain[i+1:]...)
		}},
		{"a certificate twice", func(p *plan) { p.chain = append(p.chain, pick(p, p.chain...)) }},
		{"a certificate of no use", func(p *plan) { p.chain = append(p.chain, pick(p, stranger, sibling, delegate)) }},
		{"the root too", func(p *plan) { p.chain = append(p.chain, root) }},
		{"a sibling in the signer's place", func(p *plan) { p.chain[0] = sibling }},
		{"more certificates than anybody needs", func(p *plan) {
			for range pick(p, 6, 7, 8, 12) {
				p.chain = append(p.chain, stranger)
			}
		}},
		{"below another authority", func(p *plan) { below(p, lower, p.good(lower, middle)) }},
		{"below a stranger", func(p *plan) { below(p, stranger, p.good(stranger, stranger)) }},
		{"below a stranger with the root's name", func(p *plan) {
			p.certificates[stranger].template.Subject = p.certificates[root].template.Subject
			p.certificates[middle].issuer = stranger
			p.chain = []role{signer, middle, stranger}
			p.staples = append(p.staples, p.good(middle, stranger))
		}},
		{"only the older root is trusted", func(p *plan) { p.anchors = []role{older} }},
		{"only the newer root is trusted", func(p *plan) { p.anchors = []role{root} }},
		{"the issuer is trusted itself", func(p *plan) { p.anchors = []role{middle} }},
		{"the signer is trusted itself", func(p *plan) { p.anchors = []role{signer} }},
		{"another root is trusted", func(p *plan) { p.anchors = []role{stranger} }},
		{"a certificate that nobody can read", func(p *plan) {
			block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pick(p, []byte("none"), []byte{0x30, 0})})
			front := p.IntN(4) == 0
			p.chainEdits = append(p.chainEdits, func(text []byte) []byte {
				if front {
					return append(block, text...)
				}
				return append(text, block...)
			})
		}},
		{"an octet of the PEM changed", func(p *plan) { p.chainEdits = append(p.chainEdits, p.flip()) }},
		{"the PEM cut short", func(p *plan) { p.chainEdits = append(p.chainEdits, p.cut()) }},
		{"the PEM written otherwise", func(p *plan) { p.chainEdits = append(p.chainEdits, pick(p, pemForms()...)) }},
	}
}

// below has the signer issued by another authority.
func below(p *plan, authority role, more ...*staple) {
	p.certificates[signer].issuer = authority
	p.chain = []role{signer, authority, middle, cross}
	p.staples = append(append(more, p.good(signer, authority)), p.staples[1:]...)
}

// pemForms are ways to write PEM (RFC 7468), not all of them right.
func pemForms() []func([]byte) []byte {
	return []func([]byte) []byte{
		func(text []byte) []byte { return append([]byte("subject=somebody\n"), text...) },
		func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")) },
		func(text []byte) []byte { return bytes.TrimSuffix(text, []byte("\n")) },
		replaced("-----BEGIN CERTIFICATE-----", "-----BEGIN TRUSTED CERTIFICATE-----"),
		replaced("-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nProc-Type: 4,CLEAR\n\n"),
		replaced("-----BEGIN CERTIFICATE-----\n", " -----BEGIN CERTIFICATE-----\n"),
		replaced("-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n"),
		func(text []byte) []byte {
			return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("none")})...)
		},
		func(text []byte) []byte {
			return append(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: []byte("none")}), text...)
		},
		func([]byte) []byte { return nil },
	}
}
