// Package ca makes the PKI behind the simulated metadata service: two roots, an
// intermediate, the certificate that signs keys, and an OCSP staple for each
// certificate served, in the shape in which AWS serves them.
//
// What is to be made is described by a Plan. Good returns the plan of a PKI with
// nothing wrong; a caller bends the plan before building it to get a PKI that is
// wrong in one exact way. The package verifies nothing, and nothing it makes is fit
// for anything but a test: keys live in memory, serials are not recorded.
package ca

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"time"
)

// Certificate says how one certificate is to be made. The serial number and the
// subject key identifier are filled in when it is.
type Certificate struct {
	Template x509.Certificate
	// Issuer is whose key signs it: its own role for a self-signed one.
	Issuer Role
	// Key is the key pair it is made for.
	Key Key
}

// Plan says how a PKI is to be made and what of it is to be served.
type Plan struct {
	Certificates map[Role]*Certificate
	// Chain lists the certificates of the served chain in their order.
	Chain []Role
	// Staples are the staples served, in the order in which they are listed.
	Staples []*Staple
	// EditChain are changes to the served PEM text, made one after another.
	EditChain []func(pem []byte) []byte
	// EditListing are changes to the list of the staples' names.
	EditListing []func(listing []byte) []byte
}

// SignerName is the name that a signer's certificate carries.
func SignerName(region, domain string) string {
	return "managed-ssh-signer." + region + "." + domain
}

// Good returns the plan of a PKI with nothing wrong at the time now, whose signer
// is called signerName.
func Good(signerName string, now time.Time) *Plan {
	p := &Plan{
		Certificates: map[Role]*Certificate{
			Root:         authority("Newer Root", Root, now),
			OlderRoot:    authority("Older Root", OlderRoot, now),
			Cross:        authority("Newer Root", Root, now),
			Intermediate: authority("Intermediate", Intermediate, now),
			Subordinate:  authority("Subordinate", Subordinate, now),
			Stranger:     authority("Stranger", Stranger, now),
			Signer:       leaf(signerName, Signer, now),
			Delegate:     responder(now),
			Sibling:      leaf("sibling.example", Sibling, now),
		},
		Chain: []Role{Signer, Intermediate, Cross},
		Staples: []*Staple{
			GoodStaple(Signer, Intermediate, now),
			GoodStaple(Intermediate, Root, now),
			GoodStaple(Cross, OlderRoot, now),
		},
	}
	for role, issuer := range map[Role]Role{
		Cross: OlderRoot, Intermediate: Root, Subordinate: Intermediate,
		Signer: Intermediate, Delegate: Intermediate, Sibling: Intermediate,
	} {
		p.Certificates[role].Issuer = issuer
	}
	// The intermediates that AWS uses issue end entities only.
	intermediate := &p.Certificates[Intermediate].Template
	intermediate.MaxPathLen, intermediate.MaxPathLenZero = 0, true
	return p
}

// NameSigner gives the planned signer certificate another name.
func (p *Plan) NameSigner(name string) {
	t := &p.Certificates[Signer].Template
	t.Subject = pkix.Name{CommonName: name}
	t.DNSNames = []string{name}
}

// authority is a CA certificate for owner's own key, self-signed until it is
// given an issuer.
func authority(name string, owner Role, now time.Time) *Certificate {
	return &Certificate{
		Issuer: owner,
		Key:    Key{Owner: owner, Kind: RSA2048},
		Template: x509.Certificate{
			Subject:               subject(name),
			NotBefore:             now.Add(-365 * 24 * time.Hour),
			NotAfter:              now.Add(10 * 365 * 24 * time.Hour),
			BasicConstraintsValid: true,
			IsCA:                  true,
			MaxPathLen:            -1,
			KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		},
	}
}

// leaf is the certificate of a TLS server, which is what AWS uses for signers.
func leaf(name string, owner Role, now time.Time) *Certificate {
	return &Certificate{
		Key: Key{Owner: owner, Kind: RSA2048},
		Template: x509.Certificate{
			Subject:               pkix.Name{CommonName: name},
			DNSNames:              []string{name},
			NotBefore:             now.Add(-24 * time.Hour),
			NotAfter:              now.Add(90 * 24 * time.Hour),
			BasicConstraintsValid: true,
			KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
			ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		},
	}
}

// responder is the certificate of a delegated OCSP responder (RFC 6960, section
// 4.2.2.2).
func responder(now time.Time) *Certificate {
	c := leaf("", Delegate, now)
	c.Template.Subject = subject("OCSP Responder")
	c.Template.DNSNames = nil
	c.Template.KeyUsage = x509.KeyUsageDigitalSignature
	c.Template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
	return c
}

func subject(name string) pkix.Name {
	return pkix.Name{
		Organization: []string{"eic-sim, not for production"},
		CommonName:   name,
	}
}
