// Package ca generates the PKI behind the simulated metadata service: two roots, an
// intermediate, the certificate that signs keys, and an OCSP staple for each served
// certificate, in the form that AWS serves.
//
// A Plan describes what to generate. Good returns the plan of a PKI without faults. A
// caller edits the plan before building it, to get a PKI with exactly one fault. The
// package verifies nothing, and its results are for tests only: keys live in memory, and
// serial numbers are not recorded.
package ca

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"time"
)

// Certificate describes one certificate. The serial number and the subject key identifier
// are filled in when it is issued.
type Certificate struct {
	Template x509.Certificate
	// Issuer is the role whose key signs the certificate; its own role for a self-signed
	// one.
	Issuer Role
	// Key is the key pair of the certificate.
	Key Key
}

// Plan describes a PKI, and what is served of it.
type Plan struct {
	Certificates map[Role]*Certificate
	// Chain lists the certificates of the served chain, in order.
	Chain []Role
	// Staples are the served staples, in the order of the list.
	Staples []*Staple
	// EditChain are edits of the served PEM text, applied in order.
	EditChain []func(pem []byte) []byte
	// EditListing are edits of the list of the staples' names.
	EditListing []func(listing []byte) []byte
}

// SignerName returns the name of a signer's certificate.
func SignerName(region, domain string) string {
	return "managed-ssh-signer." + region + "." + domain
}

// Good returns the plan of a PKI that has no faults at the time now and whose signer is
// called signerName.
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
	// AWS's intermediates issue end-entity certificates only.
	intermediate := &p.Certificates[Intermediate].Template
	intermediate.MaxPathLen, intermediate.MaxPathLenZero = 0, true
	return p
}

// NameSigner changes the name in the planned signer certificate.
func (p *Plan) NameSigner(name string) {
	t := &p.Certificates[Signer].Template
	t.Subject = pkix.Name{CommonName: name}
	t.DNSNames = []string{name}
}

// authority returns a CA certificate for owner's own key. It is self-signed until it is
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

// leaf returns the certificate of a TLS server, which AWS uses for signers.
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

// responder returns the certificate of an authorized OCSP responder (RFC 6960, section
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
