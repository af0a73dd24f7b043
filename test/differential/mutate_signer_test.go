package differential

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"time"
)

var commonName = asn1.ObjectIdentifier{2, 5, 4, 3}

// edit returns a mutation of one certificate.
func edit(name string, r role, change func(*plan, *certificate)) mutation {
	return mutation{string(r) + ": " + name, func(p *plan) { change(p, p.certificates[r]) }}
}

// signerMutations change only the signer's certificate.
func signerMutations() []mutation {
	return []mutation{
		edit("wrong common name", signer, func(p *plan, c *certificate) {
			name := signerName(p.region, p.domain)
			p.nameSigner(pick(p, strings.TrimPrefix(name, "managed-"), name+".attacker.example", name+".", " "+name, name+" ", name+"\x00",
				name+"\x00.attacker.example", strings.ToUpper(name), "*."+p.region+"."+p.domain, signerName("eu-west-1", p.domain),
				signerName(p.region, "attacker.example"), "x"+name, "", "attacker.example"))
		}),
		edit("wrong common name, right alternative name", signer, func(p *plan, c *certificate) {
			p.nameSigner("attacker.example")
			c.template.DNSNames = []string{signerName(p.region, p.domain)}
		}),
		edit("two common names", signer, func(p *plan, c *certificate) {
			names := []pkix.AttributeTypeAndValue{
				{Type: commonName, Value: signerName(p.region, p.domain)}, {Type: commonName, Value: "attacker.example"},
			}
			p.Shuffle(2, func(i, j int) { names[i], names[j] = names[j], names[i] })
			c.template.Subject = pkix.Name{ExtraNames: names}
		}),
		edit("common name in another string type", signer, func(p *plan, c *certificate) {
			value := asn1.RawValue{Tag: pick(p, asn1.TagUTF8String, asn1.TagT61String, asn1.TagIA5String, asn1.TagBMPString), Bytes: []byte(signerName(p.region, p.domain))}
			if value.Tag == asn1.TagBMPString {
				value.Bytes = []byte(strings.Join(strings.Split("\x00"+signerName(p.region, p.domain), ""), "\x00"))[1:]
			}
			c.template.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: commonName, Value: value}}}
		}),
		edit("organization and common name", signer, func(_ *plan, c *certificate) { c.template.Subject.Organization = []string{"Example"} }),
		edit("no common name", signer, func(_ *plan, c *certificate) { c.template.Subject = pkix.Name{} }),
		edit("no common name, but an organization", signer, func(_ *plan, c *certificate) { c.template.Subject = pkix.Name{Organization: []string{"Example"}} }),
		edit("no common name, and alternative names", signer, func(p *plan, c *certificate) {
			name := signerName(p.region, p.domain)
			c.template.Subject = pkix.Name{}
			c.template.DNSNames = pick(p, []string{"*." + p.region + "." + p.domain}, []string{strings.ToUpper(name)}, []string{name + "."},
				[]string{"attacker.example", name}, []string{"attacker.example"})
		}),
		edit("no alternative names", signer, func(_ *plan, c *certificate) { c.template.DNSNames = nil }),
		edit("other extended key usages", signer, func(p *plan, c *certificate) {
			c.template.ExtKeyUsage = pick(p, nil, []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning},
				[]x509.ExtKeyUsage{x509.ExtKeyUsageAny})
		}),
		edit("other key usages", signer, func(p *plan, c *certificate) {
			c.template.KeyUsage = pick(p, 0, x509.KeyUsageKeyEncipherment, x509.KeyUsageCertSign, x509.KeyUsageDigitalSignature|x509.KeyUsageCRLSign)
		}),
		edit("CA:TRUE", signer, func(p *plan, c *certificate) {
			c.template.IsCA, c.template.MaxPathLen = true, -1
			c.template.KeyUsage |= pick(p, 0, x509.KeyUsageCertSign)
		}),
		edit("no basic constraints", signer, func(_ *plan, c *certificate) { c.template.BasicConstraintsValid = false }),
		edit("weak key", signer, func(p *plan, c *certificate) { c.key = p.keys.rsa1024 }),
		edit("key is not RSA", signer, func(p *plan, c *certificate) {
			c.key = p.keys.p256[0]
			if p.IntN(2) == 0 {
				c.key = p.keys.ed25519
			}
		}),
		edit("self-signed", signer, func(p *plan, c *certificate) {
			c.issuer = signer
			p.staples = append(p.staples, p.good(signer, signer))
		}),
		edit("very short or very long serial number", signer, func(p *plan, c *certificate) {
			c.template.SerialNumber = pick(p, big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 158), new(big.Int).Lsh(big.NewInt(1), 120))
		}),
	}
}

// anywhere picks a certificate of a path.
func anywhere(p *plan) *certificate {
	return p.certificates[pick(p, signer, signer, middle, middle, root, older, cross)]
}

// authorityMutations change any certificate of the chain.
func authorityMutations() []mutation {
	return []mutation{
		{"certificate: expired", func(p *plan) { anywhere(p).template.NotAfter = p.now.Add(-time.Hour) }},
		{"certificate: not yet valid", func(p *plan) { anywhere(p).template.NotBefore = p.now.Add(time.Hour) }},
		{"certificate: valid past 2050", func(p *plan) { anywhere(p).template.NotAfter = time.Date(2061, 1, 2, 3, 4, 5, 0, time.UTC) }},
		{"certificate: signed with SHA-1", func(p *plan) {
			issuer := p.certificates[pick(p, middle, root)]
			c := p.certificates[pick(p, signer, middle)]
			issuer.key, c.template.SignatureAlgorithm = p.keys.rsa2048[0], x509.SHA1WithRSA
			if p.certificates[c.issuer] != issuer {
				c.template.SignatureAlgorithm = 0
			}
			p.certificates[cross].key = p.certificates[root].key
		}},
		{"certificate: signed with another key", func(p *plan) { anywhere(p).signedBy = p.keys.p256[11] }},
		{"certificate: octet changed after signing", func(p *plan) { anywhere(p).derEdit = p.flip() }},
		{"certificate: octet changed before signing", func(p *plan) { anywhere(p).contentEdit = p.flip() }},
		{"certificate: octets after the DER", func(p *plan) { anywhere(p).derEdit = appended("\x05\x00") }},
		edit("CA:FALSE", middle, func(p *plan, c *certificate) {
			c.template.IsCA = false
			c.template.KeyUsage = pick(p, c.template.KeyUsage, x509.KeyUsageDigitalSignature)
		}),
		edit("no basic constraints", middle, func(_ *plan, c *certificate) { c.template.BasicConstraintsValid, c.template.IsCA = false, false }),
		edit("other key usages", middle, func(p *plan, c *certificate) {
			c.template.KeyUsage = pick(p, 0, x509.KeyUsageDigitalSignature|x509.KeyUsageCRLSign, x509.KeyUsageCertSign)
		}),
		edit("path length", middle, func(p *plan, c *certificate) {
			c.template.MaxPathLen, c.template.MaxPathLenZero = pick(p, 0, 1), true
		}),
		edit("another extended key usage", middle, func(p *plan, c *certificate) {
			c.template.ExtKeyUsage = []x509.ExtKeyUsage{pick(p, x509.ExtKeyUsageCodeSigning, x509.ExtKeyUsageServerAuth)}
		}),
		edit("weak or unusual key", middle, func(p *plan, c *certificate) {
			switch p.IntN(3) {
			case 0:
				c.key = p.keys.rsa1024
			case 1:
				c.key = p.keys.p224
			default:
				c.key = p.keys.ed25519
			}
		}),
		edit("weak key", root, func(p *plan, c *certificate) {
			c.key = p.keys.rsa1024
			p.certificates[cross].key = c.key
		}),
		edit("no subject", middle, func(_ *plan, c *certificate) { c.template.Subject = pkix.Name{} }),
		edit("subject is the issuer's name", middle, func(p *plan, c *certificate) { c.template.Subject = p.certificates[root].template.Subject }),
		edit("name constraints", middle, constrained),
		edit("name constraints", root, constrained),
	}
}

// constrained adds name constraints to a CA.
func constrained(p *plan, c *certificate) {
	t := &c.template
	t.PermittedDNSDomainsCritical = p.IntN(4) != 0
	switch p.IntN(6) {
	case 0:
		t.PermittedDNSDomains = []string{"example.com"}
	case 1:
		t.PermittedDNSDomains = []string{p.domain}
	case 2:
		t.ExcludedDNSDomains = []string{pick(p, p.domain, "."+p.domain, "com")}
	case 3:
		t.ExcludedDNSDomains = []string{"example.com"}
	case 4:
		t.PermittedEmailAddresses = []string{"example.com"}
	default:
		t.PermittedDNSDomains, t.ExcludedDNSDomains = []string{p.domain}, []string{p.region + "." + p.domain}
	}
}
