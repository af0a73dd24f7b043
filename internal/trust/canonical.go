package trust

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"time"
)

// The ASN.1 structures of RFC 5280 section 4.1 and RFC 6960 section 4.2.1, as far as this
// package needs their fields.
//
// crypto/x509 and encoding/asn1 ignore elements behind the last one that they know.
// readCanonical finds such elements: it encodes the parsed value again and compares. Some
// responders write out default values that DER omits; an asn1.RawValue keeps such a field
// as received.
type (
	certificate struct {
		Content   certificateContent
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	certificateContent struct {
		Version         int `asn1:"optional,explicit,default:0,tag:0"`
		Serial          *big.Int
		Algorithm       pkix.AlgorithmIdentifier
		Issuer          asn1.RawValue
		Validity        struct{ NotBefore, NotAfter asn1.RawValue }
		Subject         asn1.RawValue
		PublicKey       publicKey
		IssuerUniqueID  asn1.BitString   `asn1:"optional,tag:1"`
		SubjectUniqueID asn1.BitString   `asn1:"optional,tag:2"`
		Extensions      []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
	}
	publicKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Bits      asn1.BitString
	}
	authorityKeyID struct {
		ID     []byte        `asn1:"optional,tag:0"`
		Issuer asn1.RawValue `asn1:"optional,tag:1"`
		Serial *big.Int      `asn1:"optional,tag:2"`
	}

	ocspResponse struct {
		Status asn1.Enumerated
		Bytes  struct {
			Type  asn1.ObjectIdentifier
			Basic []byte
		} `asn1:"optional,explicit,tag:0"`
	}
	basicResponse struct {
		Data         responseData
		Algorithm    pkix.AlgorithmIdentifier
		Signature    asn1.BitString
		Certificates asn1.RawValue `asn1:"optional,explicit,tag:0"` // a SEQUENCE, possibly empty
	}
	responseData struct {
		Version    asn1.RawValue `asn1:"optional,explicit,tag:0"` // v1, if it is written out
		Responder  asn1.RawValue
		ProducedAt time.Time `asn1:"generalized"`
		Responses  []singleResponse
		Extensions []pkix.Extension `asn1:"omitempty,optional,explicit,tag:1"`
	}
	singleResponse struct {
		ID         certID
		Status     asn1.RawValue
		ThisUpdate time.Time        `asn1:"generalized"`
		NextUpdate time.Time        `asn1:"optional,explicit,tag:0,generalized"`
		Extensions []pkix.Extension `asn1:"omitempty,optional,explicit,tag:1"`
	}
	certID struct {
		Algorithm         pkix.AlgorithmIdentifier
		NameHash, KeyHash []byte
		Serial            *big.Int
	}
)

var errNotCanonical = errors.New("not canonical DER (X.690), or has elements that the structure does not define")

// readCanonical parses DER into T. It refuses input that is not the DER encoding of its result.
func readCanonical[T any](der []byte) (*T, error) {
	value := new(T)
	rest, err := asn1.Unmarshal(der, value)
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, errors.New("trailing data")
	}
	again, err := asn1.Marshal(*value)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, der) {
		return nil, errNotCanonical
	}
	return value, nil
}

// withoutParameters reports whether an algorithm's parameters are absent or NULL. No
// algorithm accepted here has any. The parameters of a response's signature algorithm are
// not covered by the signature, so an attacker could change them.
func withoutParameters(a pkix.AlgorithmIdentifier) bool {
	return len(a.Parameters.FullBytes) == 0 || bytes.Equal(a.Parameters.FullBytes, asn1.NullBytes)
}
