package explain

import (
	"crypto/x509"
	"time"

	"eic/internal/evidence"
	"eic/internal/lookup"
	"eic/internal/trust"
)

// Signer is the signer's certificate with its chain and staples.
type Signer struct {
	Trusted bool `json:"trusted"`
	// ValidUntil is when the first certificate or staple expires.
	ValidUntil time.Time `json:"valid_until,omitzero"`
	// Certificates are the verified chain of a trusted signer, from the signer to the
	// trust anchor. For another signer they are the served certificates, in order.
	Certificates []Certificate `json:"certificates,omitempty"`
	// Staples are the OCSP responses that were served.
	Staples []Staple `json:"staples,omitempty"`
}

// Certificate is one certificate of a chain.
type Certificate struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	// Anchor is set for the trust anchor of a verified chain.
	Anchor bool `json:"anchor,omitempty"`
	// GoodStaple is the name of the staple that says good for the certificate. GoodFrom and
	// GoodUntil bound the staple's validity.
	GoodStaple string    `json:"good_by_staple,omitempty"`
	GoodFrom   time.Time `json:"good_from,omitzero"`
	GoodUntil  time.Time `json:"good_until,omitzero"`
	// Tolerated is set if the time was outside these bounds, by less than
	// trust.Tolerance.
	Tolerated bool `json:"within_tolerance,omitempty"`
}

// Staple is one OCSP response as listed and served.
type Staple struct {
	Name  string `json:"name"`
	Bytes int    `json:"bytes"`
	Error string `json:"error,omitempty"`
}

// newSigner returns nil if the signer's certificate was not fetched.
func newSigner(r evidence.Record, v lookup.Result) *Signer {
	served := r.Evidence.Signer
	if served.Chain == nil && served.Staples == nil {
		return nil
	}
	var s Signer
	for _, staple := range served.Staples {
		listed := Staple{Name: staple.Name, Bytes: len(staple.Body)}
		if staple.Err != nil {
			listed.Error = staple.Err.Error()
		}
		s.Staples = append(s.Staples, listed)
	}
	if v.Signer != nil {
		s.Trusted, s.ValidUntil = true, v.Signer.ValidUntil().UTC()
		s.Certificates = verifiedPath(v.Signer)
		return &s
	}
	// If the chain cannot be parsed, the error of the lookup says so.
	chain, _ := trust.ParseChain(served.Chain)
	for _, c := range chain {
		s.Certificates = append(s.Certificates, certificate(c))
	}
	return &s
}

// verifiedPath returns the certificates of a verified path with their OCSP statuses.
func verifiedPath(signer *trust.Signer) []Certificate {
	var path []Certificate
	for i, c := range signer.Chain {
		t := certificate(c)
		if i < len(signer.Statuses) {
			status := signer.Statuses[i]
			t.GoodStaple, t.GoodFrom, t.GoodUntil = status.Name, status.ThisUpdate.UTC(), status.NextUpdate.UTC()
			t.Tolerated = status.Tolerated
		} else {
			t.Anchor = true
		}
		path = append(path, t)
	}
	return path
}

func certificate(c *x509.Certificate) Certificate {
	return Certificate{
		Subject: c.Subject.String(), Issuer: c.Issuer.String(),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
	}
}
