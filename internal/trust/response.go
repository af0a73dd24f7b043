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

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// response is a parsed OCSP response (RFC 6960 section 4.2.1). Its signature has not been
// verified.
type response struct {
	statuses  []single
	responder asn1.RawValue
	enclosed  []*x509.Certificate
	// signed is the part of the response that signature covers, as a slice of the input.
	signed, signature []byte
	algorithm         x509.SignatureAlgorithm
}

// single is the status of one certificate in a response (RFC 6960's SingleResponse).
type single struct {
	id                     certID
	hash                   crypto.Hash // the hash in id, or 0 if it is not supported
	status                 byte        // good, revoked or unknown
	revokedAt              time.Time
	thisUpdate, nextUpdate time.Time // nextUpdate may be zero
	err                    error     // why the status must not be used, or nil
}

// The values of CertStatus, by the first octet of their only DER encoding. Good and
// unknown have no contents.
const (
	good    = 0x80
	revoked = 0xA1
	unknown = 0x82
)

// The kinds of ResponderID, by tag.
const (
	byName = 1
	byKey  = 2
)

var oidBasicResponse = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}

// maxEnclosed is the greatest number of certificates that a response may enclose.
// Responders enclose their own certificate and sometimes its issuers.
const maxEnclosed = 10

// parseResponse parses an OCSP response in DER. It refuses any response that is not
// canonical.
func parseResponse(der []byte) (*response, error) {
	outer, err := readCanonical[ocspResponse](der)
	switch {
	case err != nil:
		return nil, err
	case outer.Status != 0:
		return nil, fmt.Errorf("the responder answered with %s, expected a status", answerName(outer.Status))
	case !outer.Bytes.Type.Equal(oidBasicResponse):
		return nil, fmt.Errorf("it is of the type %s, expected %s (basic)", outer.Bytes.Type, oidBasicResponse)
	}
	basic, err := readCanonical[basicResponse](outer.Bytes.Basic)
	if err != nil {
		return nil, err
	}
	if err := basic.check(); err != nil {
		return nil, err
	}
	r := &response{
		responder: basic.Data.Responder,
		signature: basic.Signature.RightAlign(),
		algorithm: signatureAlgorithm(basic.Algorithm.Algorithm),
	}
	if r.signed, err = firstElement(outer.Bytes.Basic); err != nil {
		return nil, err
	}
	if r.enclosed, err = parseEnclosed(basic.Certificates); err != nil {
		return nil, err
	}
	for _, s := range basic.Data.Responses {
		status, err := parseSingle(s)
		if err != nil {
			return nil, err
		}
		r.statuses = append(r.statuses, status)
	}
	return r, nil
}

// v1 is the DER of the only version of a response.
var v1 = []byte{0x02, 0x01, 0x00}

// check refuses what no response may contain, whichever certificates it covers.
func (b *basicResponse) check() error {
	switch {
	case len(b.Data.Version.FullBytes) != 0 && !bytes.Equal(b.Data.Version.Bytes, v1):
		return fmt.Errorf("version % .20X, expected v1", b.Data.Version.Bytes)
	case !validResponder(b.Data.Responder):
		return errors.New("its responder ID is neither a name nor a key hash")
	case !withoutParameters(b.Algorithm):
		return errors.New("its signature algorithm has parameters")
	case anyCritical(b.Data.Extensions):
		return errors.New("it has an unsupported critical extension")
	case len(b.Data.Responses) == 0:
		return errors.New("it has no certificate status")
	}
	return nil
}

// validResponder reports whether a ResponderID is an explicitly tagged Name or OCTET
// STRING.
func validResponder(r asn1.RawValue) bool {
	var name pkix.RDNSequence
	var hash []byte
	var rest []byte
	err := errors.New("unknown kind of responder ID")
	switch r.Tag {
	case byName:
		rest, err = asn1.Unmarshal(r.Bytes, &name)
	case byKey:
		rest, err = asn1.Unmarshal(r.Bytes, &hash)
	}
	return err == nil && len(rest) == 0 && r.Class == asn1.ClassContextSpecific && r.IsCompound
}

// answerName names an OCSPResponseStatus other than successful.
func answerName(status asn1.Enumerated) string {
	names := map[asn1.Enumerated]string{1: "malformed request", 2: "internal error", 3: "try later", 5: "signature required", 6: "unauthorized"}
	if name, known := names[status]; known {
		return name
	}
	return fmt.Sprintf("the unknown error %d", status)
}

// parseSingle parses one status. An encoding error fails the whole response. A status
// that is well-formed but must not be used is returned with its err set.
func parseSingle(raw singleResponse) (single, error) {
	s := single{
		id: raw.ID, hash: hashOf(raw.ID.Algorithm.Algorithm),
		thisUpdate: raw.ThisUpdate, nextUpdate: raw.NextUpdate,
	}
	switch {
	case !s.hash.Available():
		s.err = fmt.Errorf("its CertID has the hash algorithm %s, expected SHA-1 or SHA-2", raw.ID.Algorithm.Algorithm)
	case !withoutParameters(raw.ID.Algorithm):
		s.err = errors.New("the hash algorithm of its CertID has parameters")
	case anyCritical(raw.Extensions):
		s.err = errors.New("it has an unsupported critical extension")
	}
	return s, s.readStatus(raw.Status.FullBytes)
}

// readStatus parses a CertStatus, and accepts only its DER encoding.
func (s *single) readStatus(der []byte) error {
	var info struct {
		At     time.Time       `asn1:"generalized"`
		Reason asn1.Enumerated `asn1:"optional,explicit,tag:0"`
	}
	s.status = der[0]
	switch {
	case (s.status == good || s.status == unknown) && len(der) == 2 && der[1] == 0:
		return nil
	case s.status == revoked:
		_, err := asn1.UnmarshalWithParams(der, &info, "tag:1")
		s.revokedAt = info.At
		return err
	default:
		return fmt.Errorf("certificate status % .20X, expected good, revoked or unknown", der)
	}
}

// parseEnclosed returns the certificates that a response encloses. The response's
// signature does not cover them, so a certificate that crypto/x509 refuses is left out. A
// value without the structure of a certificate means that the response was damaged;
// OpenSSL then refuses the whole response, and so does this function.
func parseEnclosed(field asn1.RawValue) ([]*x509.Certificate, error) {
	if len(field.FullBytes) == 0 {
		return nil, nil
	}
	list, err := readCanonical[[]asn1.RawValue](field.Bytes)
	switch {
	case err != nil:
		return nil, fmt.Errorf("parsing the list of enclosed certificates: %w", err)
	case len(*list) > maxEnclosed:
		return nil, fmt.Errorf("it encloses %d certificates, expected at most %d", len(*list), maxEnclosed)
	}
	var enclosed []*x509.Certificate
	for i, der := range *list {
		if _, err := asn1.Unmarshal(der.FullBytes, new(certificate)); err != nil {
			return nil, fmt.Errorf("parsing enclosed certificate %d: %w", i+1, err)
		}
		if c, err := x509.ParseCertificate(der.FullBytes); err == nil {
			enclosed = append(enclosed, c)
		}
	}
	return enclosed, nil
}

// firstElement returns the first element of a SEQUENCE, with its header, as a slice of
// the input.
func firstElement(sequence []byte) ([]byte, error) {
	var body, first cryptobyte.String
	input := cryptobyte.String(sequence)
	if !input.ReadASN1(&body, cryptobyteasn1.SEQUENCE) || !body.ReadASN1Element(&first, cryptobyteasn1.SEQUENCE) {
		return nil, errors.New("it has no signed data (tbsResponseData)")
	}
	return first, nil
}

func anyCritical(extensions []pkix.Extension) bool {
	return slices.ContainsFunc(extensions, func(e pkix.Extension) bool { return e.Critical })
}

// hashOf returns the hash that a CertID identifies its issuer by, or 0 if it is not
// supported.
func hashOf(algorithm asn1.ObjectIdentifier) crypto.Hash {
	switch algorithm.String() {
	case "1.3.14.3.2.26":
		return crypto.SHA1
	case "2.16.840.1.101.3.4.2.1":
		return crypto.SHA256
	case "2.16.840.1.101.3.4.2.2":
		return crypto.SHA384
	case "2.16.840.1.101.3.4.2.3":
		return crypto.SHA512
	default:
		return 0
	}
}

// signatureAlgorithm maps an object identifier to its algorithm. acceptedAlgorithm says
// whether the algorithm is accepted.
func signatureAlgorithm(algorithm asn1.ObjectIdentifier) x509.SignatureAlgorithm {
	switch algorithm.String() {
	case "1.2.840.113549.1.1.5":
		return x509.SHA1WithRSA
	case "1.2.840.113549.1.1.11":
		return x509.SHA256WithRSA
	case "1.2.840.113549.1.1.12":
		return x509.SHA384WithRSA
	case "1.2.840.113549.1.1.13":
		return x509.SHA512WithRSA
	case "1.2.840.10045.4.1":
		return x509.ECDSAWithSHA1
	case "1.2.840.10045.4.3.2":
		return x509.ECDSAWithSHA256
	case "1.2.840.10045.4.3.3":
		return x509.ECDSAWithSHA384
	case "1.2.840.10045.4.3.4":
		return x509.ECDSAWithSHA512
	default:
		return x509.UnknownSignatureAlgorithm
	}
}
