package trust

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"
)

// staple is a parsed OCSP response, or the reason why it is none. That it
// parsed says nothing of who signed it.
type staple struct {
	name     string
	response *ocsp.Response
	id       certID
	err      error
}

// parseStaples parses all staples, side by side. One that cannot be parsed is kept
// with its error, so that a missing status can be explained.
func parseStaples(raw []Staple) []staple {
	staples := make([]staple, len(raw))
	var group sync.WaitGroup
	for i, s := range raw {
		staples[i] = staple{name: s.Name, err: s.Err}
		if s.Err == nil {
			group.Go(func() { staples[i].response, staples[i].id, staples[i].err = parseStaple(s.Body) })
		}
	}
	group.Wait()
	return staples
}

func parseStaple(body []byte) (*ocsp.Response, certID, error) {
	der, err := decodeBase64(body)
	if err != nil {
		return nil, certID{}, err
	}
	basic, err := parseBasic(der)
	if err != nil {
		return nil, certID{}, fmt.Errorf("parsing the OCSP response: %w", err)
	}
	// Without an issuer the ocsp package checks no signature that matters;
	// checkSignature does.
	response, err := ocsp.ParseResponse(der, nil)
	if err != nil {
		return nil, certID{}, fmt.Errorf("parsing the OCSP response: %w", err)
	}
	return response, basic.Data.Responses[0].ID, nil
}

// parseBasic reads a response that has one status, and keeps from the ocsp package
// what it would take long over: it verifies a signature under the certificate that
// is enclosed, of whatever size that has its key.
func parseBasic(der []byte) (*basicResponse, error) {
	outer, err := readCanonical[ocspResponse](der)
	if err != nil {
		return nil, err
	}
	if outer.Status != 0 {
		return nil, ocsp.ResponseError{Status: ocsp.ResponseStatus(outer.Status)}
	}
	basic, err := readCanonical[basicResponse](outer.Bytes.Basic)
	if err != nil {
		return nil, err
	}
	if n := len(basic.Data.Responses); n != 1 {
		return nil, fmt.Errorf("it has %d statuses, expected one", n)
	}
	if err := checkStatus(basic.Data.Responses[0].Status.FullBytes); err != nil {
		return nil, err
	}
	if r := basic.Data.Responder; r.Class != 2 || !r.IsCompound { // context-specific, explicit
		return nil, errors.New("its responder is neither a name nor a key hash")
	}
	if !withoutParameters(basic.Algorithm) || !withoutParameters(basic.Data.Responses[0].ID.Algorithm) {
		return nil, errors.New("an algorithm in it has parameters")
	}
	for _, enclosed := range basic.Certificates {
		c, err := x509.ParseCertificate(enclosed.FullBytes)
		if err != nil {
			return nil, fmt.Errorf("parsing an enclosed certificate: %w", err)
		}
		if !usableKey(c) {
			return nil, fmt.Errorf("the key of the enclosed certificate %s is too weak, too large or of a kind not accepted (%s)", describe(c), c.PublicKeyAlgorithm)
		}
	}
	return basic, nil
}

// checkStatus accepts a CertStatus (RFC 6960 section 4.2.1) in its only encoding: good
// and unknown are empty and primitive. The ocsp package looks at the tag's number alone.
func checkStatus(der []byte) error {
	const good, revoked, unknown = 0x80, 0xA1, 0x82
	if len(der) >= 2 && (der[0] == revoked || (der[0] == good || der[0] == unknown) && len(der) == 2 && der[1] == 0) {
		return nil
	}
	return fmt.Errorf("its status, % .20X, is none of good, revoked and unknown", der)
}

func decodeBase64(text []byte) ([]byte, error) {
	text = bytes.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, text)
	der := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(der, text)
	if err != nil {
		return nil, fmt.Errorf("decoding the OCSP response: %w", err)
	}
	return der[:n], nil
}

// verifyStatus returns a good status for each certificate of the chain but the
// anchor, or an error that says for which there is none and why.
func verifyStatus(chain []*x509.Certificate, staples []staple, now time.Time) ([]Status, error) {
	good := make([]Status, len(chain)-1)
	for i := range good {
		status, err := statusOf(chain[i], chain[i+1], staples, now)
		if err != nil {
			return nil, fmt.Errorf("checking the revocation status of %s: %w", describe(chain[i]), err)
		}
		good[i] = status
	}
	return good, nil
}

// statusOf looks through all staples, so that one that says revoked counts
// even beside one that says good.
func statusOf(c, issuer *x509.Certificate, staples []staple, now time.Time) (Status, error) {
	var good *Status
	var reasons []error
	for _, s := range staples {
		if s.err != nil {
			reasons = append(reasons, fmt.Errorf("staple %.80q: %w", s.name, s.err))
			continue
		}
		if !s.isAbout(c, issuer) {
			continue
		}
		if err := s.checkSignature(issuer, now); err != nil {
			reasons = append(reasons, fmt.Errorf("staple %.80q: %w", s.name, err))
			continue
		}
		if s.response.Status == ocsp.Revoked {
			return Status{}, fmt.Errorf("staple %.80q: %w at %s", s.name, ErrRevoked, s.response.RevokedAt.UTC().Format(time.RFC3339))
		}
		if err := s.checkGood(now); err != nil {
			reasons = append(reasons, fmt.Errorf("staple %.80q: %w", s.name, err))
			continue
		}
		good = &Status{Name: s.name, ThisUpdate: s.response.ThisUpdate, NextUpdate: s.response.NextUpdate}
	}
	switch {
	case good != nil:
		return *good, nil
	case len(reasons) != 0:
		return Status{}, errors.Join(reasons...)
	default:
		return Status{}, fmt.Errorf("none of %d staples is about it", len(staples))
	}
}

// isAbout reports whether the response's CertID names c as issued by issuer.
func (s *staple) isAbout(c, issuer *x509.Certificate) bool {
	if s.response.SerialNumber == nil || s.response.SerialNumber.Cmp(c.SerialNumber) != 0 {
		return false
	}
	key, err := publicKeyBits(issuer)
	if err != nil || !s.response.IssuerHash.Available() {
		return false
	}
	return bytes.Equal(s.id.NameHash, digest(s.response.IssuerHash, issuer.RawSubject)) &&
		bytes.Equal(s.id.KeyHash, digest(s.response.IssuerHash, key))
}

func digest(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// publicKeyBits returns the contents of the subjectPublicKey BIT STRING, which
// is what RFC 6960 hashes.
func publicKeyBits(c *x509.Certificate) ([]byte, error) {
	var info, algorithm cryptobyte.String
	var bits []byte
	input := cryptobyte.String(c.RawSubjectPublicKeyInfo)
	if !input.ReadASN1(&info, asn1.SEQUENCE) || !info.ReadASN1(&algorithm, asn1.SEQUENCE) ||
		!info.ReadASN1BitStringAsBytes(&bits) {
		return nil, fmt.Errorf("reading the public key of %s", describe(c))
	}
	return bits, nil
}

// checkGood accepts a response that says good and is current.
func (s *staple) checkGood(now time.Time) error {
	r := s.response
	switch {
	case r.Status != ocsp.Good:
		return errors.New("the responder does not know the certificate")
	case now.Before(r.ThisUpdate):
		return fmt.Errorf("not valid before %s", r.ThisUpdate.UTC().Format(time.RFC3339))
	case r.NextUpdate.IsZero():
		return errors.New("it has no nextUpdate, so it may be of any age")
	case now.After(r.NextUpdate):
		return fmt.Errorf("expired at %s", r.NextUpdate.UTC().Format(time.RFC3339))
	}
	return nil
}

// checkSignature accepts a response signed by the issuer itself, or by a
// responder that the issuer delegated to (RFC 6960 section 4.2.2.2).
func (s *staple) checkSignature(issuer *x509.Certificate, now time.Time) error {
	responder := issuer
	if embedded := s.response.Certificate; embedded != nil && !bytes.Equal(embedded.RawSubjectPublicKeyInfo, issuer.RawSubjectPublicKeyInfo) {
		if err := checkDelegate(embedded, issuer, now); err != nil {
			return fmt.Errorf("responder %s: %w", describe(embedded), err)
		}
		responder = embedded
	}
	if !acceptedAlgorithm(s.response.SignatureAlgorithm) {
		return fmt.Errorf("it is signed with %s", s.response.SignatureAlgorithm)
	}
	if err := s.response.CheckSignatureFrom(responder); err != nil {
		return fmt.Errorf("verifying its signature under %s: %w", describe(responder), err)
	}
	return s.checkResponderID(responder)
}

// checkDelegate accepts a certificate that the issuer issued directly, that is
// within its validity, and that is meant for signing OCSP responses.
func checkDelegate(c, issuer *x509.Certificate, now time.Time) error {
	if !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) {
		return errors.New("its extended key usage is not OCSPSigning")
	}
	if criticality(c, oidKeyUsage) != absent && c.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return errors.New("its key usage does not allow signing")
	}
	if !usableKey(c) {
		return fmt.Errorf("its key is too weak or of a kind not accepted (%s)", c.PublicKeyAlgorithm)
	}
	only := x509.NewCertPool()
	only.AddCert(issuer)
	_, err := c.Verify(x509.VerifyOptions{
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

// checkResponderID accepts a response that names the responder it is signed
// by, as byName or byKey (RFC 6960 section 4.2.1).
func (s *staple) checkResponderID(responder *x509.Certificate) error {
	if s.response.RawResponderName != nil {
		if bytes.Equal(s.response.RawResponderName, responder.RawSubject) {
			return nil
		}
		return fmt.Errorf("its responder name is not that of %s", describe(responder))
	}
	key, err := publicKeyBits(responder)
	if err != nil {
		return err
	}
	if !bytes.Equal(s.response.ResponderKeyHash, digest(crypto.SHA1, key)) {
		return fmt.Errorf("its responder key hash is not that of %s", describe(responder))
	}
	return nil
}

// acceptedAlgorithm leaves out SHA-1 and MD5, which x509.Certificate's
// CheckSignature still takes.
func acceptedAlgorithm(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
		return true
	default:
		return false
	}
}
