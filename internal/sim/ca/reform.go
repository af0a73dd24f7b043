package ca

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"time"
)

// The outer layers of an OCSP response (RFC 6960, section 4.2.1), as far as needed to
// encode it in another form.
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
		Version     asn1.RawValue `asn1:"explicit,tag:0,optional"`
		ResponderID asn1.RawValue
		ProducedAt  time.Time `asn1:"generalized"`
		Responses   []asn1.RawValue
	}
	attributeSET []struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
)

// Form describes an unusual encoding of a response.
type Form struct {
	// Enclosed are the enclosed certificates, instead of those of Embedded. An empty list
	// is encoded as an empty list.
	Enclosed []Role
	// Version encodes the version v1 explicitly, which DER omits.
	Version bool
	// UTF8 encodes the responder's name in UTF8Strings, whatever its certificate uses.
	UTF8 bool
}

// reformed returns the response der, which was made of s, in the form that s asks for. It
// adds the status of s.Second, and signs the result as s was signed.
func (b *builder) reformed(der []byte, s *Staple) ([]byte, error) {
	outer, basic, data, err := open(der)
	if err != nil {
		return nil, err
	}
	if s.Second != nil {
		second, err := b.response(s.Second)
		if err != nil {
			return nil, err
		}
		_, _, further, err := open(second)
		if err != nil {
			return nil, err
		}
		data.Responses = append(data.Responses, further.Responses...)
	}
	if s.Form.Version {
		data.Version = asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: []byte{asn1.TagInteger, 1, 0}}
	}
	if s.Form.UTF8 {
		if data.ResponderID, err = inUTF8(data.ResponderID); err != nil {
			return nil, err
		}
	}
	if err := b.enclose(&basic, s.Form.Enclosed); err != nil {
		return nil, err
	}
	if err := b.sign(&basic, data, s.Responder); err != nil {
		return nil, err
	}
	if outer.Bytes.Response, err = asn1.Marshal(basic); err != nil {
		return nil, err
	}
	return asn1.Marshal(outer)
}

func (b *builder) enclose(basic *basicResponse, roles []Role) error {
	if roles == nil {
		return nil
	}
	basic.Certificates = []asn1.RawValue{}
	for _, role := range roles {
		cert, err := b.certificate(role)
		if err != nil {
			return err
		}
		basic.Certificates = append(basic.Certificates, asn1.RawValue{FullBytes: cert.Raw})
	}
	return nil
}

func (b *builder) sign(basic *basicResponse, data responseData, responder Role) error {
	signed, err := asn1.Marshal(data)
	if err != nil {
		return err
	}
	key, err := b.keys.get(b.plan.Certificates[responder].Key)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(signed)
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return err
	}
	basic.Data = asn1.RawValue{FullBytes: signed}
	basic.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	return nil
}

// inUTF8 returns a responder ID by name with its strings in UTF-8.
func inUTF8(id asn1.RawValue) (asn1.RawValue, error) {
	var name []attributeSET
	if _, err := asn1.Unmarshal(id.Bytes, &name); err != nil {
		return id, err
	}
	for _, attributes := range name {
		for i := range attributes {
			value := attributes[i].Value
			attributes[i].Value = asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: value.Bytes}
		}
	}
	der, err := asn1.Marshal(name)
	return asn1.RawValue{Class: id.Class, Tag: id.Tag, IsCompound: true, Bytes: der}, err
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
