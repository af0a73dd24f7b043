package differential

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	subjectKeyID     = asn1.ObjectIdentifier{2, 5, 29, 14}
	basicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	nameConstraints  = asn1.ObjectIdentifier{2, 5, 29, 30}
	authorityKeyID   = asn1.ObjectIdentifier{2, 5, 29, 35}
	policies         = asn1.ObjectIdentifier{2, 5, 29, 32}
	policyLimits     = asn1.ObjectIdentifier{2, 5, 29, 36}
	unheardOf        = asn1.ObjectIdentifier{2, 999, 1}
	alternativeNames = asn1.ObjectIdentifier{2, 5, 29, 17}
	noCheck          = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}
	proxyCertInfo    = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 14}
	ipAddressBlocks  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 7}
	asNumbers        = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 8}
	netscapeCertType = asn1.ObjectIdentifier{2, 16, 840, 1, 113730, 1, 1}
)

// extensionMutations change extensions of the chain's certificates in ways that crypto/x509
// does not offer.
func extensionMutations() []mutation {
	// Of a trust anchor only the name and the key count (RFC 5280, section 6.1.1). So below
	// picks another certificate.
	below := func(p *plan) *certificate { return p.certificates[pick(p, signer, signer, middle, middle, cross)] }
	return []mutation{
		{"certificate: unknown extension", func(p *plan) { below(p).add(unheardOf, p.IntN(2) == 0, []byte{5, 0}) }},
		{"certificate: no authority key identifier", func(p *plan) { below(p).parentEdit = func(c *x509.Certificate) { c.SubjectKeyId = nil } }},
		{"certificate: authority key identifier does not match the issuer", func(p *plan) {
			below(p).parentEdit = func(c *x509.Certificate) { c.SubjectKeyId = []byte("another identifier") }
		}},
		{"certificate: authority key identifier has a wrong issuer and serial number", func(p *plan) {
			c := pick(p, p.certificates[signer], p.certificates[middle])
			c.add(authorityKeyID, false, keyIDWithSerial(keyIdentifier(p.certificates[c.issuer].key)))
		}},
		{"certificate: critical authority key identifier", func(p *plan) {
			pick(p, p.certificates[signer], p.certificates[middle]).contentEdit = critical(authorityKeyID)
		}},
		{"certificate: critical subject key identifier", func(p *plan) { below(p).contentEdit = critical(subjectKeyID) }},
		{"certificate: another subject key identifier", func(p *plan) { below(p).template.SubjectKeyId = []byte{1, 2, 3, 4} }},
		{"certificate: basic constraints are not critical", func(p *plan) {
			c := pick(p, p.certificates[middle], p.certificates[cross])
			c.add(basicConstraints, false, sequence([]byte{1, 1, 0xff}))
		}},
		{"certificate: name constraints on directory names", func(p *plan) {
			c := pick(p, p.certificates[middle], p.certificates[root])
			c.add(nameConstraints, p.IntN(2) == 0, directoryNames(p.IntN(2) == 0, pkix.Name{Organization: []string{"Elsewhere"}}))
		}},
		{"certificate: name constraints with a minimum", func(p *plan) {
			subtree := sequence(append(element(cbasn1.Tag(2).ContextSpecific(), []byte(p.domain)),
				element(cbasn1.Tag(pick(p, uint8(0), 1)).ContextSpecific(), []byte{1})...))
			p.certificates[middle].add(nameConstraints, p.IntN(2) == 0, sequence(element(cbasn1.Tag(0).ContextSpecific().Constructed(), subtree)))
		}},
		{"certificate: empty subject alternative names", func(p *plan) {
			c := p.certificates[pick(p, signer, signer, middle, delegate)]
			c.template.DNSNames = nil
			c.add(alternativeNames, p.IntN(2) == 0, sequence(nil))
		}},
		{"certificate: path length without CA:TRUE", func(p *plan) {
			p.certificates[pick(p, signer, delegate)].add(basicConstraints, p.IntN(2) == 0, sequence([]byte{2, 1, pick(p, byte(0), 1)}))
		}},
		{"certificate: proxyCertInfo", func(p *plan) {
			policy := sequence(oid(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 21, 1}))
			below(p).add(proxyCertInfo, p.IntN(2) == 0, pick(p, sequence(policy), sequence(nil), []byte{5, 0}))
		}},
		{"certificate: Netscape certificate type", func(p *plan) {
			below(p).add(netscapeCertType, p.IntN(2) == 0, pick(p, []byte{3, 2, 6, 0x40}, []byte{3, 2, 0, 7}, []byte{4, 1, 0}, []byte{3, 0}, nil))
		}},
		{"certificate: IP address blocks or AS numbers", func(p *plan) {
			below(p).add(pick(p, ipAddressBlocks, asNumbers), p.IntN(2) == 0, pick(p, sequence(nil), []byte{4, 1, 0}, []byte{5, 0}))
		}},
		{"certificate: certificate policy", func(p *plan) { below(p).add(policies, p.IntN(2) == 0, sequence(sequence(oid(unheardOf)))) }},
		{"certificate: requireExplicitPolicy", func(p *plan) {
			p.certificates[pick(p, middle, root)].add(policyLimits, true, sequence([]byte{0x80, 1, 0}))
		}},
		{"certificate: duplicate extension", func(p *plan) {
			below(p).contentEdit = func(content []byte) []byte {
				return extended(content, func(e []pkix.Extension) []pkix.Extension { return append(e, e[len(e)-1]) })
			}
		}},
		{"certificate: element added at the end", func(p *plan) {
			below(p).contentEdit = func(content []byte) []byte { return lengthened(content, []byte{5, 0}) }
		}},
	}
}

// add adds an extension to a certificate.
func (c *certificate) add(id asn1.ObjectIdentifier, critical bool, value []byte) {
	c.template.ExtraExtensions = append(c.template.ExtraExtensions, pkix.Extension{Id: id, Critical: critical, Value: value})
}

func element(tag cbasn1.Tag, content []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes(content) })
	return b.BytesOrPanic()
}

func sequence(content []byte) []byte { return element(cbasn1.SEQUENCE, content) }
func keyID(id []byte) []byte         { return element(cbasn1.Tag(0).ContextSpecific(), id) }

func oid(id asn1.ObjectIdentifier) []byte {
	var b cryptobyte.Builder
	b.AddASN1ObjectIdentifier(id)
	return b.BytesOrPanic()
}

// keyIDWithSerial returns an AuthorityKeyIdentifier (RFC 5280, section 4.2.1.1) with the right
// key identifier, but a wrong issuer and serial number.
func keyIDWithSerial(id []byte) []byte {
	name, err := asn1.Marshal(pkix.Name{CommonName: "Nobody"}.ToRDNSequence())
	if err != nil {
		panic(err)
	}
	directory := element(cbasn1.Tag(4).ContextSpecific().Constructed(), name)
	issuer := element(cbasn1.Tag(1).ContextSpecific().Constructed(), directory)
	serial := element(cbasn1.Tag(2).ContextSpecific(), []byte{0x12, 0x34})
	return sequence(append(append(keyID(id), issuer...), serial...))
}

// directoryNames returns a NameConstraints (RFC 5280, section 4.2.1.10) that permits or
// excludes the names below a directory name.
func directoryNames(permitted bool, below pkix.Name) []byte {
	name, err := asn1.Marshal(below.ToRDNSequence())
	if err != nil {
		panic(err)
	}
	tag := cbasn1.Tag(1)
	if permitted {
		tag = 0
	}
	subtree := sequence(element(cbasn1.Tag(4).ContextSpecific().Constructed(), name))
	return sequence(element(tag.ContextSpecific().Constructed(), subtree))
}

// critical returns an edit that makes an extension of a TBSCertificate critical.
func critical(id asn1.ObjectIdentifier) func([]byte) []byte {
	return func(content []byte) []byte {
		return extended(content, func(extensions []pkix.Extension) []pkix.Extension {
			for i := range extensions {
				extensions[i].Critical = extensions[i].Critical || extensions[i].Id.Equal(id)
			}
			return extensions
		})
	}
}

// extended changes the extensions of a TBSCertificate. They are its last field.
func extended(content []byte, change func([]pkix.Extension) []pkix.Extension) []byte {
	const explicit = "explicit,tag:3"
	var fields []asn1.RawValue
	if _, err := asn1.Unmarshal(content, &fields); err != nil {
		panic(err)
	}
	var extensions []pkix.Extension
	last := &fields[len(fields)-1]
	if _, err := asn1.UnmarshalWithParams(last.FullBytes, &extensions, explicit); err != nil {
		panic(err)
	}
	changed, err := asn1.MarshalWithParams(change(extensions), explicit)
	if err != nil {
		panic(err)
	}
	*last = asn1.RawValue{FullBytes: changed}
	if content, err = asn1.Marshal(fields); err != nil {
		panic(err)
	}
	return content
}

// lengthened adds an element at the end of a SEQUENCE.
func lengthened(der, more []byte) []byte {
	var s asn1.RawValue
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		return der
	}
	return sequence(append(s.Bytes, more...))
}
