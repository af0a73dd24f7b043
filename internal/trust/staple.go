package trust

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// staple is a parsed OCSP response, or the reason why it is none. That it
// parsed says nothing of who signed it.
type staple struct {
	name     string
	response *response
	err      error
}

// parseStaples parses each staple. One that cannot be parsed is kept with its
// error, so that a missing status can be explained.
func parseStaples(raw []Staple) []staple {
	staples := make([]staple, len(raw))
	for i, s := range raw {
		staples[i] = staple{name: s.Name, err: s.Err}
		if s.Err == nil {
			staples[i].response, staples[i].err = parseStaple(s.Body)
		}
	}
	return staples
}

func parseStaple(body []byte) (*response, error) {
	der, err := decodeBase64(body)
	if err != nil {
		return nil, err
	}
	r, err := parseResponse(der)
	if err != nil {
		return nil, fmt.Errorf("parsing the OCSP response: %w", err)
	}
	return r, nil
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
		if s.response.status == revoked {
			return Status{}, fmt.Errorf("staple %.80q: %w at %s", s.name, ErrRevoked, s.response.revokedAt.UTC().Format(time.RFC3339))
		}
		if err := s.checkGood(now); err != nil {
			reasons = append(reasons, fmt.Errorf("staple %.80q: %w", s.name, err))
			continue
		}
		good = &Status{Name: s.name, ThisUpdate: s.response.thisUpdate, NextUpdate: s.response.nextUpdate}
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
	id := s.response.id
	if id.Serial.Cmp(c.SerialNumber) != 0 {
		return false
	}
	key, err := publicKeyBits(issuer)
	if err != nil {
		return false
	}
	return bytes.Equal(id.NameHash, digest(s.response.hash, issuer.RawSubject)) &&
		bytes.Equal(id.KeyHash, digest(s.response.hash, key))
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
	case r.status != good:
		return errors.New("the responder does not know the certificate")
	case now.Before(r.thisUpdate):
		return fmt.Errorf("not valid before %s", r.thisUpdate.UTC().Format(time.RFC3339))
	case r.nextUpdate.IsZero():
		return errors.New("it has no nextUpdate, so it may be of any age")
	case now.After(r.nextUpdate):
		return fmt.Errorf("expired at %s", r.nextUpdate.UTC().Format(time.RFC3339))
	}
	return nil
}

// checkSignature accepts a response signed by the issuer itself, or by a
// responder that the issuer delegated to (RFC 6960 section 4.2.2.2).
func (s *staple) checkSignature(issuer *x509.Certificate, now time.Time) error {
	r := s.response
	responder := issuer
	if r.enclosed != nil && !bytes.Equal(r.enclosed.RawSubjectPublicKeyInfo, issuer.RawSubjectPublicKeyInfo) {
		if err := checkDelegate(r.enclosed, issuer, now); err != nil {
			return fmt.Errorf("responder %s: %w", describe(r.enclosed), err)
		}
		responder = r.enclosed
	}
	if !acceptedAlgorithm(r.algorithm) {
		return fmt.Errorf("it is signed with %s", r.algorithm)
	}
	if err := responder.CheckSignature(r.algorithm, r.signed, r.signature); err != nil {
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
	if s.response.responder.Tag == byName {
		if bytes.Equal(s.response.responder.Bytes, responder.RawSubject) {
			return nil
		}
		return fmt.Errorf("its responder name is not that of %s", describe(responder))
	}
	key, err := publicKeyBits(responder)
	if err != nil {
		return err
	}
	octets := append([]byte{0x04, 20}, digest(crypto.SHA1, key)...)
	if !bytes.Equal(s.response.responder.Bytes, octets) {
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
