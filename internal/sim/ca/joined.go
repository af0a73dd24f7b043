package ca

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"time"
)

// The outer layers of an OCSP response (RFC 6960, section 4.2.1), as far as they
// must be opened to put a second status into one.
type (
	ocspResponse struct {
		Status asn1.Enumerated
		Bytes  struct {
			Type     asn1.ObjectIdentifier
			Response []byte
		} `asn1:"explicit,tag:0"`
	}
	basicResponse struct {
		Data         asn1.RawValue
		Algorithm    pkix.AlgorithmIdentifier
		Signature    asn1.BitString
		Certificates []asn1.RawValue `asn1:"explicit,tag:0,optional"`
	}
	responseData struct {
		ResponderID asn1.RawValue
		ProducedAt  time.Time `asn1:"generalized"`
		Responses   []asn1.RawValue
	}
)

// joined puts the status of s.Second behind the one in der, which is the response
// made of s, and signs the whole again as s was signed.
func (b *builder) joined(der []byte, s *Staple) ([]byte, error) {
	second, err := b.response(s.Second)
	if err != nil {
		return nil, err
	}
	outer, basic, data, err := open(der)
	if err != nil {
		return nil, err
	}
	_, _, further, err := open(second)
	if err != nil {
		return nil, err
	}
	data.Responses = append(data.Responses, further.Responses...)
	signed, err := asn1.Marshal(data)
	if err != nil {
		return nil, err
	}
	key, err := b.keys.get(b.plan.Certificates[s.Responder].Key)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(signed)
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	basic.Data = asn1.RawValue{FullBytes: signed}
	basic.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	if outer.Bytes.Response, err = asn1.Marshal(basic); err != nil {
		return nil, err
	}
	return asn1.Marshal(outer)
}

func open(der []byte) (outer ocspResponse, basic basicResponse, data responseData, err error) {
	if _, err = asn1.Unmarshal(der, &outer); err != nil {
		return outer, basic, data, err
	}
	if _, err = asn1.Unmarshal(outer.Bytes.Response, &basic); err != nil {
		return outer, basic, data, err
	}
	_, err = asn1.Unmarshal(basic.Data.FullBytes, &data)
	return outer, basic, data, err
}
