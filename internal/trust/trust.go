// Package trust decides whether the metadata service's signer certificate is
// EC2 Instance Connect's own, and if so gives the Signer that checks
// signatures under it.
//
// It takes bytes, trust anchors and a time, and does no I/O: everything the
// metadata service says arrives over plain HTTP and may have been written by
// an attacker on the host. A certificate counts only if it bears the expected
// name, chains to an anchor in the strict profile of RFC 5280, and every
// certificate below the anchor has an OCSP response (RFC 6960) that says good.
package trust

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// SignerEvidence is what the metadata service serves about its signer, as it came.
type SignerEvidence struct {
	// Chain is the answer of signer-cert: certificates in PEM, the signer's
	// first, issuers after it in any order.
	Chain []byte
	// Staples are the answers below signer-ocsp: OCSP responses in DER,
	// base64-encoded, in any order and under any name.
	Staples []Staple
}

// Staple is one stapled OCSP response as it came.
type Staple struct {
	// Name is what it was listed under. It only serves to name the staple in
	// an error; nothing is inferred from it.
	Name string
	// Body is the base64 text of the DER response, wrapped or not.
	Body []byte
	// Err says why there is no Body, or is nil. A staple that could not be
	// had vouches for nothing; the error is repeated where one is missed.
	Err error
}

// Signer is a signer certificate that was found trustworthy.
type Signer struct {
	// Chain is the verified chain: the signer's certificate, its issuers, and
	// last the trust anchor. It has at least two certificates.
	Chain []*x509.Certificate
	// Good has, for each certificate of Chain but the anchor, the OCSP
	// response that vouches for it.
	Good []Status
}

// Status is an OCSP response that was found to be about a certificate of the
// chain, properly signed, and current.
type Status struct {
	// Name is what the staple was listed under.
	Name string
	// ThisUpdate and NextUpdate bound the time in which it holds.
	ThisUpdate, NextUpdate time.Time
}

// Part is a part of the evidence that Verify judges.
type Part string

// The parts, in the order in which they are judged.
const (
	PartChain  Part = "chain"  // the PEM text: certificates that can be parsed
	PartName   Part = "name"   // the name in the first certificate
	PartKey    Part = "key"    // the key in the first certificate
	PartPath   Part = "path"   // a path from it to an anchor
	PartStatus Part = "status" // the staples: a good status for each certificate of a path
)

// Error says which part of the evidence did not hold, and how.
type Error struct {
	Part Part
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns what was wrong. Where a certificate was outside its validity
// it wraps an x509.CertificateInvalidError.
func (e *Error) Unwrap() error { return e.Err }

// ErrRevoked marks an error that says that a certificate is revoked, on the
// word of somebody who may say so.
var ErrRevoked = errors.New("revoked")

// Verify judges the evidence: the first certificate must be named exactly as
// SignerName says for region and domain, chain to one of the anchors at the
// time now, and be vouched for by the staples, as must be every issuer below
// the anchor. Extended key usages are not looked at. Any error, always an
// *Error, means that nothing signed under this certificate may be trusted; it
// says which part failed and what was expected.
func Verify(evidence SignerEvidence, region, domain string, anchors *x509.CertPool, now time.Time) (*Signer, error) {
	path, err := FindPath(evidence.Chain, region, domain, anchors, now)
	if err != nil {
		return nil, err
	}
	return path.Vouch(evidence.Staples, now)
}

// Path is a signer's certificate that bears the expected name and chains to an
// anchor. Whether it, or an issuer of its, was revoked is not known yet, so it
// is nothing to check a signature by.
type Path struct {
	// chains are in the profile of RFC 5280, and there is at least one.
	chains [][]*x509.Certificate
	// more returns all others too, should none of these hold.
	more func() [][]*x509.Certificate
}

// FindPath is what Verify does before it needs the staples, for those to whom
// the staples come later. Its errors are of type *Error and any part but
// PartStatus.
func FindPath(chain []byte, region, domain string, anchors *x509.CertPool, now time.Time) (*Path, error) {
	certificates, err := ParseChain(chain)
	if err != nil {
		return nil, &Error{PartChain, err}
	}
	signer, issuers := certificates[0], certificates[1:]
	if err := checkName(signer, SignerName(region, domain)); err != nil {
		return nil, &Error{PartName, err}
	}
	if err := checkSignerKey(signer); err != nil {
		return nil, &Error{PartKey, err}
	}
	find := func(issuers []*x509.Certificate) ([][]*x509.Certificate, error) {
		return findChains(signer, issuers, anchors, now)
	}
	// Whoever trusts the root of today has no use for what joins it to an older one.
	chains, err := find(issuers[:min(len(issuers), 1)])
	if err != nil {
		chains, err = find(issuers)
	}
	if err != nil {
		return nil, &Error{PartPath, fmt.Errorf("verifying the signer certificate %s: %w", describe(signer), err)}
	}
	more := func() [][]*x509.Certificate {
		all, _ := find(issuers) // what does not hold is left out
		return all
	}
	return &Path{chains, more}, nil
}

// Vouch returns the Signer if the staples vouch for it and its issuers, for the first
// of its chains for which they do, at the time now, at which that chain must be valid
// still. Its errors are of type *Error: of those chains that do not hold, the first
// tells why.
func (p *Path) Vouch(staples []Staple, now time.Time) (*Signer, error) {
	parsed := parseStaples(staples)
	signer, err := vouchAny(p.chains, parsed, now)
	if err == nil {
		return signer, nil
	}
	if signer, other := vouchAny(p.more(), parsed, now); other == nil {
		return signer, nil
	}
	return nil, err
}

var errNoChain = errors.New("no chain holds")

func vouchAny(chains [][]*x509.Certificate, staples []staple, now time.Time) (*Signer, error) {
	first := errNoChain
	for i, chain := range chains {
		good, err := vouch(chain, staples, now)
		if err == nil {
			return &Signer{Chain: chain, Good: good}, nil
		}
		if i == 0 {
			first = err
		}
	}
	return nil, first
}

func vouch(chain []*x509.Certificate, staples []staple, now time.Time) ([]Status, error) {
	for _, c := range chain {
		if now.Before(c.NotBefore) || now.After(c.NotAfter) {
			expired := x509.CertificateInvalidError{Cert: c, Reason: x509.Expired}
			return nil, &Error{PartPath, fmt.Errorf("verifying the certificate %s: %w", describe(c), expired)}
		}
	}
	good, err := verifyStatus(chain, staples, now)
	if err != nil {
		return nil, &Error{PartStatus, err}
	}
	return good, nil
}

// ValidUntil is the moment at which the Signer stops being trustworthy: the
// end of the first certificate or OCSP response to run out.
func (s *Signer) ValidUntil() time.Time {
	until := s.Chain[0].NotAfter
	for _, c := range s.Chain {
		until = earlier(until, c.NotAfter)
	}
	for _, status := range s.Good {
		until = earlier(until, status.NextUpdate)
	}
	return until
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// describe names a certificate in an error. Its subject may be an attacker's.
func describe(c *x509.Certificate) string {
	return fmt.Sprintf("%.200q", c.Subject.String())
}
