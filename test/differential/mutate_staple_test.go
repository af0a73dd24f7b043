package differential

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"
)

// one returns a mutation of a staple that the chain needs.
func one(name string, change func(*plan, *staple)) mutation {
	return mutation{"staple: " + name, func(p *plan) { change(p, p.staple(pick(p, signer, signer, middle))) }}
}

// stapleMutations change the contents of staples.
func stapleMutations() []mutation {
	return []mutation{
		one("revoked", func(_ *plan, s *staple) { s.status = isRevoked }),
		one("unknown", func(_ *plan, s *staple) { s.status = isUnknown }),
		one("expired", func(p *plan, s *staple) {
			s.thisUpdate, s.nextUpdate = p.now.AddDate(0, 0, -14), p.now.Add(-time.Hour)
		}),
		one("not yet valid", func(p *plan, s *staple) { s.thisUpdate = p.now.Add(time.Hour) }),
		one("nextUpdate before thisUpdate", func(p *plan, s *staple) {
			s.thisUpdate, s.nextUpdate = p.now.Add(-time.Hour), p.now.Add(-2*time.Hour)
		}),
		one("outside its validity, within the tolerance", func(p *plan, s *staple) {
			if p.IntN(2) == 0 {
				s.thisUpdate = p.now.Add(2 * time.Minute)
			} else {
				s.nextUpdate = p.now.Add(-2 * time.Minute)
			}
		}),
		one("outside its validity, beyond the tolerance", func(p *plan, s *staple) {
			if p.IntN(2) == 0 {
				s.thisUpdate = p.now.Add(10 * time.Minute)
			} else {
				s.nextUpdate = p.now.Add(-10 * time.Minute)
			}
		}),
		one("nextUpdate before thisUpdate, within the tolerance", func(p *plan, s *staple) {
			s.thisUpdate, s.nextUpdate = p.now.Add(3*time.Minute), p.now.Add(time.Minute)
		}),
		one("explicit version", func(p *plan, s *staple) { s.version = pick(p, []byte{2, 1, 0}, []byte{2, 1, 0}, []byte{2, 1, 1}) }),
		one("no nextUpdate", func(_ *plan, s *staple) { s.nextUpdate = time.Time{} }),
		one("producedAt in the future", func(p *plan, s *staple) { s.producedAt = p.now.AddDate(0, 1, 0) }),
		one("another serial number", func(p *plan, s *staple) { s.serial = p.serial() }),
		one("negative serial number", func(_ *plan, s *staple) { s.serial = big.NewInt(-7) }),
		one("issuerNameHash of another CA", func(p *plan, s *staple) { s.issuerName = pick(p, root, middle, stranger, signer) }),
		one("issuerKeyHash of another CA", func(p *plan, s *staple) { s.issuerKey = pick(p, root, middle, stranger, signer) }),
		one("another hash algorithm", func(p *plan, s *staple) { s.hash = pick(p, crypto.SHA256, crypto.SHA384, crypto.SHA512) }),
		one("about another certificate", func(p *plan, s *staple) { s.about = pick(p, sibling, middle, signer, root) }),
		one("unknown extension", func(p *plan, s *staple) {
			extension := []pkix.Extension{{Id: unheardOf, Critical: p.IntN(2) == 0, Value: []byte{5, 0}}}
			if p.IntN(2) == 0 {
				s.single = extension
			} else {
				s.extensions = extension
			}
		}),
		one("two statuses", func(p *plan, s *staple) {
			second := *s
			second.status = pick(p, isGood, isRevoked)
			second.about = pick(p, s.about, sibling)
			s.further = []*staple{&second}
		}),
		one("several statuses in any order", func(p *plan, s *staple) {
			other, again := *s, *s
			other.about, other.status = sibling, pick(p, isGood, isRevoked, isUnknown)
			again.status = pick(p, isGood, isGood, isGood, isUnknown)
			if p.IntN(2) == 0 {
				again.nextUpdate = pick(p, p.now.Add(-time.Hour), p.now.Add(time.Hour))
			}
			s.earlier, s.further = pick(p, []*staple{&other}, []*staple{&other, &again}, []*staple{&again}), pick(p, nil, []*staple{&other}, []*staple{&again})
		}),
		one("octet changed after signing", func(p *plan, s *staple) { s.derEdit = p.flip() }),
		one("octet changed before signing", func(p *plan, s *staple) { s.contentEdit = p.flip() }),
		one("octets after the DER", func(_ *plan, s *staple) { s.derEdit = appended("\x05\x00") }),
		one("element added at the end", func(p *plan, s *staple) {
			more := func(der []byte) []byte { return lengthened(der, []byte{5, 0}) }
			if p.IntN(2) == 0 {
				s.contentEdit = more
			} else {
				s.derEdit = more
			}
		}),
		one("octet of the base64 changed", func(p *plan, s *staple) { s.base64Edits = p.flip() }),
		one("base64 truncated", func(p *plan, s *staple) { s.base64Edits = p.cut() }),
		{"staple: missing", func(p *plan) {
			if n := len(p.staples); n > 0 {
				i := p.IntN(n)
				p.staples = append(append([]*staple(nil), p.staples[:i]...), p.staples[i+1:]...)
			}
		}},
		{"staple: another staple added", func(p *plan) {
			s := p.good(pick(p, signer, middle, sibling), pick(p, middle, root))
			s.status = pick(p, isGood, isRevoked, isUnknown)
			s.responder = pick(p, s.issuerName, s.issuerName, stranger)
			s.named = s.responder
			p.staples = append(p.staples, s)
		}},
		{"staples: other order", func(p *plan) {
			p.Shuffle(len(p.staples), func(i, j int) { p.staples[i], p.staples[j] = p.staples[j], p.staples[i] })
		}},
	}
}

// responderMutations change who signs staples.
func responderMutations() []mutation {
	return []mutation{
		one("signed by another CA or certificate", func(p *plan, s *staple) {
			s.responder = pick(p, stranger, signer, sibling, root, middle)
			s.named = pick(p, s.responder, s.issuerName)
			if p.IntN(2) == 0 {
				s.embedded = []role{s.responder}
			}
		}),
		one("issuer's certificate enclosed", func(_ *plan, s *staple) { s.embedded = []role{s.issuerName} }),
		one("unrelated certificate enclosed", func(p *plan, s *staple) { s.embedded = []role{pick(p, stranger, sibling, signer)} }),
		one("empty list of certificates enclosed", func(_ *plan, s *staple) { s.embedded = []role{} }),
		one("several certificates enclosed", func(p *plan, s *staple) {
			s.embedded = []role{s.issuerName, stranger, sibling, signer, delegate}
			p.Shuffle(len(s.embedded), func(i, j int) { s.embedded[i], s.embedded[j] = s.embedded[j], s.embedded[i] })
			s.embedded = s.embedded[:1+p.IntN(len(s.embedded))]
		}),
		one("responder's name in another string type", func(_ *plan, s *staple) { s.utf8 = true }),
		one("signed with SHA-1", func(_ *plan, s *staple) { s.weak = true }),
		one("responder named by its key", func(_ *plan, s *staple) { s.byKey = true }),
		one("another responder named", func(p *plan, s *staple) { s.named, s.byKey = pick(p, stranger, root, signer), p.IntN(2) == 0 }),
		responder("good", func(*plan, *certificate) {}),
		responder("named by its key", func(p *plan, _ *certificate) { p.staple(signer).byKey = true }),
		responder("not enclosed", func(p *plan, _ *certificate) { p.staple(signer).embedded = nil }),
		responder("enclosed among other certificates", func(p *plan, _ *certificate) {
			p.staple(signer).embedded = pick(p, []role{delegate, middle}, []role{middle, delegate}, []role{delegate, stranger},
				[]role{signer, delegate}, []role{stranger, signer, middle, delegate}, []role{stranger, signer, middle})
		}),
		responder("id-pkix-ocsp-nocheck", func(p *plan, c *certificate) { c.add(noCheck, p.IntN(2) == 0, []byte{5, 0}) }),
		responder("other extended key usages", func(p *plan, c *certificate) {
			c.template.ExtKeyUsage = pick(p, nil, []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
				[]x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageOCSPSigning})
		}),
		responder("other key usages", func(p *plan, c *certificate) {
			c.template.KeyUsage = pick(p, 0, x509.KeyUsageKeyEncipherment, x509.KeyUsageCertSign, x509.KeyUsageContentCommitment)
		}),
		responder("expired", func(p *plan, c *certificate) { c.template.NotAfter = p.now.Add(-time.Hour) }),
		responder("not yet valid", func(p *plan, c *certificate) { c.template.NotBefore = p.now.Add(time.Hour) }),
		responder("issued by another CA", func(p *plan, c *certificate) { c.issuer = pick(p, root, stranger, lower, older, sibling) }),
		responder("self-signed", func(_ *plan, c *certificate) { c.issuer = delegate }),
		responder("signed with another key", func(p *plan, c *certificate) { c.signedBy = p.keys.p256[11] }),
		responder("with the issuer's name", func(p *plan, c *certificate) { c.template.Subject = p.certificates[middle].template.Subject }),
		responder("CA:TRUE", func(p *plan, c *certificate) {
			c.template.IsCA, c.template.MaxPathLen = true, -1
			c.template.KeyUsage |= pick(p, 0, x509.KeyUsageCertSign)
		}),
		responder("weak or unusual key", func(p *plan, c *certificate) {
			switch p.IntN(3) {
			case 0:
				c.key = p.keys.rsa1024
			case 1:
				c.key = p.keys.p224
			default:
				c.key = p.keys.ed25519
			}
		}),
		responder("no authority key identifier", func(_ *plan, c *certificate) {
			c.parentEdit = func(parent *x509.Certificate) { parent.SubjectKeyId = nil }
		}),
		responder("unknown critical extension", func(_ *plan, c *certificate) { c.add(unheardOf, true, []byte{5, 0}) }),
		responder("octet changed after signing", func(p *plan, c *certificate) { c.derEdit = p.flip() }),
		responder("octet changed before signing", func(p *plan, c *certificate) { c.contentEdit = p.flip() }),
	}
}

// responder returns a mutation of an authorized responder that signs the signer's staple.
func responder(name string, change func(*plan, *certificate)) mutation {
	return mutation{"delegate: " + name, func(p *plan) {
		s := p.staple(signer)
		s.responder, s.named, s.embedded = delegate, delegate, []role{delegate}
		change(p, p.certificates[delegate])
	}}
}
