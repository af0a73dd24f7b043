package trust

import (
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

// response is what an OCSP response says (RFC 6960 section 4.2.1), of one certificate.
// That it parsed says nothing of who signed it.
type response struct {
	id                     certID
	hash                   crypto.Hash // that of id
	status                 byte        // good, revoked or unknown
	revokedAt              time.Time
	thisUpdate, nextUpdate time.Time // nextUpdate may be zero
	responder              asn1.RawValue
	enclosed               *x509.Certificate // the first one, or nil
	// signed is what signature is over, a slice of the response.
	signed, signature []byte
	algorithm         x509.SignatureAlgorithm
}

// CertStatus, by the first octet of its only encoding: good and unknown are empty.
const (
	good    = 0x80
	revoked = 0xA1
	unknown = 0x82
)

// ResponderID, by its tag.
const (
	byName = 1
	byKey  = 2
)

var oidBasicResponse = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}

// parseResponse reads a response that has one status.
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
	if n := len(basic.Data.Responses); n != 1 {
		return nil, fmt.Errorf("it has %d statuses, expected one", n)
	}
	r := &response{
		responder: basic.Data.Responder,
		signature: basic.Signature.RightAlign(),
		algorithm: signatureAlgorithm(basic.Algorithm.Algorithm),
	}
	if !validResponder(r.responder) {
		return nil, errors.New("its responder is neither a name nor a key hash")
	}
	if !withoutParameters(basic.Algorithm) {
		return nil, errors.New("an algorithm in it has parameters")
	}
	if anyCritical(basic.Data.Extensions) {
		return nil, errors.New("it has an unsupported critical extension")
	}
	if r.signed, err = firstElement(outer.Bytes.Basic); err != nil {
		return nil, err
	}
	if r.enclosed, err = parseEnclosed(basic.Certificates); err != nil {
		return nil, err
	}
	if err := r.read(basic.Data.Responses[0]); err != nil {
		return nil, err
	}
	return r, nil
}

// validResponder reports whether a ResponderID is an explicitly tagged Name or OCTET
// STRING.
func validResponder(r asn1.RawValue) bool {
	var name pkix.RDNSequence
	var hash []byte
	var rest []byte
	err := errors.New("of no known kind")
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

// read takes over what the response says of its certificate.
func (r *response) read(single singleResponse) error {
	r.id, r.hash = single.ID, hashOf(single.ID.Algorithm.Algorithm)
	r.thisUpdate, r.nextUpdate = single.ThisUpdate, single.NextUpdate
	switch {
	case !r.hash.Available():
		return fmt.Errorf("it names the issuer by a hash of the kind %s, expected SHA-1 or SHA-2", single.ID.Algorithm.Algorithm)
	case !withoutParameters(single.ID.Algorithm):
		return errors.New("an algorithm in it has parameters")
	case anyCritical(single.Extensions):
		return errors.New("it has an unsupported critical extension")
	}
	return r.readStatus(single.Status.FullBytes)
}

// readStatus accepts a CertStatus in its only encoding.
func (r *response) readStatus(der []byte) error {
	var info struct {
		At     time.Time       `asn1:"generalized"`
		Reason asn1.Enumerated `asn1:"optional,explicit,tag:0"`
	}
	r.status = der[0]
	switch {
	case (r.status == good || r.status == unknown) && len(der) == 2 && der[1] == 0:
		return nil
	case r.status == revoked:
		_, err := asn1.UnmarshalWithParams(der, &info, "tag:1")
		r.revokedAt = info.At
		return err
	default:
		return fmt.Errorf("its status, % .20X, is none of good, revoked and unknown", der)
	}
}

// parseEnclosed returns the first of the certificates that come with a response, or nil
// if there is none. All of them must have keys of a size that costs this machine nothing.
func parseEnclosed(certificates []asn1.RawValue) (*x509.Certificate, error) {
	var first *x509.Certificate
	for _, enclosed := range certificates {
		c, err := x509.ParseCertificate(enclosed.FullBytes)
		if err != nil {
			return nil, fmt.Errorf("parsing an enclosed certificate: %w", err)
		}
		if !usableKey(c) {
			return nil, fmt.Errorf("the key of the enclosed certificate %s is too weak, too large or of a kind not accepted (%s)", describe(c), c.PublicKeyAlgorithm)
		}
		if first == nil {
			first = c
		}
	}
	return first, nil
}

// firstElement returns the first element of a SEQUENCE, with its header, as the slice of
// it that it is.
func firstElement(sequence []byte) ([]byte, error) {
	var body, first cryptobyte.String
	input := cryptobyte.String(sequence)
	if !input.ReadASN1(&body, cryptobyteasn1.SEQUENCE) || !body.ReadASN1Element(&first, cryptobyteasn1.SEQUENCE) {
		return nil, errors.New("there is nothing in it that could be signed")
	}
	return first, nil
}

func anyCritical(extensions []pkix.Extension) bool {
	return slices.ContainsFunc(extensions, func(e pkix.Extension) bool { return e.Critical })
}

// hashOf is the hash by which a CertID names its issuer, or 0.
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

// signatureAlgorithm names an algorithm; acceptedAlgorithm says whether it counts.
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
