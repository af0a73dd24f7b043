package trust

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"time"
)

// The structures of RFC 5280 section 4.1 and RFC 6960 section 4.2.1, as far as they
// have to be looked into. crypto/x509 and encoding/asn1 pass over elements behind the
// last one they know; encoding what was read once more shows them. Where responders
// in the field write what DER would leave out, a raw value keeps it as it came.
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
		Certificates asn1.RawValue `asn1:"optional,explicit,tag:0"` // a SEQUENCE, perhaps empty
	}
	responseData struct {
		Version    asn1.RawValue `asn1:"optional,explicit,tag:0"` // v1, perhaps written out
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

var errNotCanonical = errors.New("not canonical DER (X.690), or with more elements than the structure has")

// readCanonical reads DER into a structure that encodes to the same DER.
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

// withoutParameters reports whether an algorithm has no parameters, written as nothing
// or as NULL, as all that are accepted here have none. Those of a response's signature
// nobody has signed.
func withoutParameters(a pkix.AlgorithmIdentifier) bool {
	return len(a.Parameters.FullBytes) == 0 || bytes.Equal(a.Parameters.FullBytes, asn1.NullBytes)
}
