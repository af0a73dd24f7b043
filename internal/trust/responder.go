package trust

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"
)

// checkSignature accepts a response signed by the issuer, or by a responder that the
// issuer authorized (RFC 6960 section 4.2.2.2). It tries the issuer's key first, then
// each enclosed certificate that matches the responder ID, in any order. If all fail, it
// returns the first error.
//
// The revocation status of an authorized responder's own certificate is not checked: see
// docs/decisions/0009-an-authorized-responder-is-not-asked-about.md.
func (r *response) checkSignature(issuer *x509.Certificate, now time.Time) error {
	if !acceptedAlgorithm(r.algorithm) {
		return fmt.Errorf("it is signed with %s, expected SHA-2 with RSA or ECDSA", r.algorithm)
	}
	var first error
	for i, responder := range append([]*x509.Certificate{issuer}, r.enclosed...) {
		if !r.names(responder) {
			continue
		}
		var err error
		if i > 0 {
			err = checkResponder(responder, issuer, now)
		}
		if err == nil {
			err = responder.CheckSignature(r.algorithm, r.signed, r.signature)
		}
		if err == nil {
			return nil
		}
		if first == nil {
			first = fmt.Errorf("verifying its signature under the responder %s: %w", describe(responder), err)
		}
	}
	if first == nil {
		return fmt.Errorf("its responder ID matches neither the issuer %s nor any of the %d enclosed certificates", describe(issuer), len(r.enclosed))
	}
	return first
}

var oidOCSPNoCheck = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}

// checkResponder accepts a certificate that the issuer issued directly, that is within
// its validity period, and whose purpose is signing OCSP responses.
func checkResponder(c, issuer *x509.Certificate, now time.Time) error {
	if !usableKey(c) {
		return fmt.Errorf("its key is too weak, too large or of an unsupported type (%s)", c.PublicKeyAlgorithm)
	}
	if !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) {
		return errors.New("its extended key usage is not OCSPSigning")
	}
	if criticality(c, oidKeyUsage) != absent && c.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return errors.New("its key usage does not allow signing")
	}
	only := x509.NewCertPool()
	only.AddCert(issuer)
	_, err := withoutNoCheck(c).Verify(x509.VerifyOptions{
		Roots:         only,
		Intermediates: x509.NewCertPool(),
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return err
	}
	return checkCertificate(c, issuer)
}

// withoutNoCheck returns the certificate as if id-pkix-ocsp-nocheck were not critical.
// crypto/x509 does not know this extension. It asks for no revocation check of the
// responder, and none is made.
func withoutNoCheck(c *x509.Certificate) *x509.Certificate {
	known := *c
	known.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(c.UnhandledCriticalExtensions), oidOCSPNoCheck.Equal)
	return &known
}

// names reports whether the response's responder ID identifies a certificate, by its name
// or by the hash of its key (RFC 6960 section 4.2.1).
func (r *response) names(c *x509.Certificate) bool {
	if r.responder.Tag == byName {
		return sameName(r.responder.Bytes, c.RawSubject)
	}
	key, err := publicKeyBits(c)
	octets := append([]byte{0x04, 20}, digest(crypto.SHA1, key)...)
	return err == nil && bytes.Equal(r.responder.Bytes, octets)
}

// sameName reports whether two distinguished names in DER are equal, apart from the types
// of their strings. It only selects the key to check a signature with, so a wrong match
// cannot make a signature valid.
func sameName(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	name := readName(a)
	return name != "" && name == readName(b)
}

// readName returns a distinguished name as text. It returns "" for an empty name, and if
// encoding/asn1 cannot read one of the values.
func readName(der []byte) string {
	var name pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &name); err != nil || len(rest) != 0 {
		return ""
	}
	for _, set := range name {
		for _, attribute := range set {
			if attribute.Value == nil {
				return ""
			}
		}
	}
	return name.String()
}

// acceptedAlgorithm reports whether a response's signature algorithm is accepted. It
// refuses SHA-1 and MD5, which x509.Certificate.CheckSignature still accepts.
func acceptedAlgorithm(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
		return true
	default:
		return false
	}
}
