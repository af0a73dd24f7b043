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

// staple is a parsed OCSP response, or the error from parsing it. Its signature has not
// been verified.
type staple struct {
	name     string
	response *response
	err      error
}

// parseStaples parses each staple. A staple that cannot be parsed keeps its error, which
// explains a missing status later.
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
		if r == ' ' || r == '\t' { // the decoder ignores line ends itself
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

// verifyStatus returns a good status for each certificate of the chain but the anchor.
// Its error names the certificate that has none, and why.
func verifyStatus(chain []*x509.Certificate, staples []staple, now time.Time) ([]OCSPStatus, error) {
	good := make([]OCSPStatus, len(chain)-1)
	for i := range good {
		status, err := statusOf(chain[i], chain[i+1], staples, now)
		if err != nil {
			return nil, fmt.Errorf("checking the revocation status of %s: %w", describe(chain[i]), err)
		}
		good[i] = status
	}
	return good, nil
}

// statusOf checks all staples, so that one that says revoked overrides another that says
// good.
func statusOf(c, issuer *x509.Certificate, staples []staple, now time.Time) (OCSPStatus, error) {
	var good *OCSPStatus
	var reasons []error
	for _, s := range staples {
		status, err := s.statusOf(c, issuer, now)
		switch {
		case errors.Is(err, ErrRevoked):
			return OCSPStatus{}, err
		case err != nil:
			reasons = append(reasons, err)
		case status != nil:
			good = status
		}
	}
	switch {
	case good != nil:
		return *good, nil
	case len(reasons) != 0:
		return OCSPStatus{}, errors.Join(reasons...)
	default:
		return OCSPStatus{}, fmt.Errorf("none of %d staples covers it", len(staples))
	}
}

// statusOf returns the good status of a certificate, or nil if the staple does not cover
// it. If a response has several statuses for the certificate, all of them must be good
// and current.
func (s *staple) statusOf(c, issuer *x509.Certificate, now time.Time) (*OCSPStatus, error) {
	about, err := s.about(c, issuer)
	if err == nil && len(about) == 0 {
		return nil, nil
	}
	if err == nil {
		err = s.response.checkSignature(issuer, now)
	}
	if err == nil {
		err = checkStatuses(about, now)
	}
	if err != nil {
		return nil, fmt.Errorf("staple %.80q: %w", s.name, err)
	}
	first := slices.MinFunc(about, func(a, b single) int { return a.nextUpdate.Compare(b.nextUpdate) })
	return &OCSPStatus{
		Name: s.name, ThisUpdate: first.thisUpdate, NextUpdate: first.nextUpdate,
		Tolerated: now.Before(first.thisUpdate) || now.After(first.nextUpdate),
	}, nil
}

// about returns the statuses whose CertID identifies c as issued by issuer. It returns an
// error if the staple, or such a status, cannot be used.
func (s *staple) about(c, issuer *x509.Certificate) ([]single, error) {
	if s.err != nil {
		return nil, s.err
	}
	key, err := publicKeyBits(issuer)
	if err != nil {
		return nil, err
	}
	var about []single
	for _, status := range s.response.statuses {
		id := status.id
		if id.Serial.Cmp(c.SerialNumber) != 0 {
			continue
		}
		if status.hash.Available() && (!bytes.Equal(id.NameHash, digest(status.hash, issuer.RawSubject)) ||
			!bytes.Equal(id.KeyHash, digest(status.hash, key))) {
			continue
		}
		if status.err != nil {
			return nil, status.err
		}
		about = append(about, status)
	}
	return about, nil
}

// checkStatuses accepts statuses that are all good and current. A revoked status is
// reported before any other error.
func checkStatuses(statuses []single, now time.Time) error {
	for _, s := range statuses {
		if s.status == revoked {
			return fmt.Errorf("%w at %s", ErrRevoked, rfc3339(s.revokedAt))
		}
	}
	for _, s := range statuses {
		if err := s.checkGood(now); err != nil {
			return err
		}
	}
	return nil
}

func digest(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// publicKeyBits returns the contents of the subjectPublicKey BIT STRING, which RFC 6960
// hashes.
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

// Tolerance is how far this machine's clock may be behind an OCSP response's thisUpdate,
// or ahead of its nextUpdate. It equals the default of openssl-ocsp(1), which AWS's own
// scripts run. No other time is compared with a tolerance.
const Tolerance = 5 * time.Minute

// checkGood accepts a status that says good and is current, give or take Tolerance.
func (s *single) checkGood(now time.Time) error {
	switch {
	case s.status != good:
		return errors.New("the responder does not know the certificate")
	case s.nextUpdate.IsZero():
		return errors.New("it has no nextUpdate, so it would never expire")
	case s.nextUpdate.Before(s.thisUpdate):
		return errors.New("its nextUpdate is before its thisUpdate")
	case s.thisUpdate.After(now.Add(Tolerance)):
		return fmt.Errorf("not valid before %s, which is more than %s from now (%s)", rfc3339(s.thisUpdate), Tolerance, rfc3339(now))
	case !now.Before(s.nextUpdate.Add(Tolerance)):
		return fmt.Errorf("expired at %s, which is %s ago or more (it is %s)", rfc3339(s.nextUpdate), Tolerance, rfc3339(now))
	}
	return nil
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }
