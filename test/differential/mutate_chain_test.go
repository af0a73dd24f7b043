package differential

import (
	"bytes"
	"encoding/pem"
)

// chainMutations change which certificates are served, and how.
func chainMutations() []mutation {
	return []mutation{
		{"chain: certificates above the signer in another order", func(p *plan) {
			p.Shuffle(len(p.chain)-1, func(i, j int) { p.chain[i+1], p.chain[j+1] = p.chain[j+1], p.chain[i+1] })
		}},
		{"chain: signer is not first", func(p *plan) { p.chain = []role{middle, signer, cross} }},
		{"chain: certificate missing", func(p *plan) {
			i := p.IntN(len(p.chain))
			p.chain = append(append([]role(nil), p.chain[:i]...), p.chain[i+1:]...)
		}},
		{"chain: duplicate certificate", func(p *plan) { p.chain = append(p.chain, pick(p, p.chain...)) }},
		{"chain: unrelated certificate added", func(p *plan) { p.chain = append(p.chain, pick(p, stranger, sibling, delegate)) }},
		{"chain: root added", func(p *plan) { p.chain = append(p.chain, root) }},
		{"chain: another certificate of the issuer instead of the signer", func(p *plan) { p.chain[0] = sibling }},
		{"chain: many certificates", func(p *plan) {
			for range pick(p, 6, 7, 8, 12) {
				p.chain = append(p.chain, stranger)
			}
		}},
		{"chain: signer issued by a subordinate CA", func(p *plan) { below(p, lower, p.good(lower, middle)) }},
		{"chain: signer issued by an untrusted CA", func(p *plan) { below(p, stranger, p.good(stranger, stranger)) }},
		{"chain: issuer issued by an untrusted CA with the root's name", func(p *plan) {
			p.certificates[stranger].template.Subject = p.certificates[root].template.Subject
			p.certificates[middle].issuer = stranger
			p.chain = []role{signer, middle, stranger}
			p.staples = append(p.staples, p.good(middle, stranger))
		}},
		{"anchors: only the older root", func(p *plan) { p.anchors = []role{older} }},
		{"anchors: only the newer root", func(p *plan) { p.anchors = []role{root} }},
		{"anchors: only the issuer", func(p *plan) { p.anchors = []role{middle} }},
		{"anchors: only the signer", func(p *plan) { p.anchors = []role{signer} }},
		{"anchors: only an unrelated root", func(p *plan) { p.anchors = []role{stranger} }},
		{"chain: malformed certificate added", func(p *plan) {
			block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pick(p, []byte("none"), []byte{0x30, 0})})
			front := p.IntN(4) == 0
			p.chainEdits = append(p.chainEdits, func(text []byte) []byte {
				if front {
					return append(block, text...)
				}
				return append(text, block...)
			})
		}},
		{"chain: octet of the PEM changed", func(p *plan) { p.chainEdits = append(p.chainEdits, p.flip()) }},
		{"chain: PEM truncated", func(p *plan) { p.chainEdits = append(p.chainEdits, p.cut()) }},
		{"chain: unusual or invalid PEM", func(p *plan) { p.chainEdits = append(p.chainEdits, pick(p, pemForms()...)) }},
	}
}

// below lets another CA issue the signer.
func below(p *plan, authority role, more ...*staple) {
	p.certificates[signer].issuer = authority
	p.chain = []role{signer, authority, middle, cross}
	p.staples = append(append(more, p.good(signer, authority)), p.staples[1:]...)
}

// pemForms returns edits to unusual and to invalid PEM (RFC 7468).
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
