package differential

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	_ "crypto/sha1" // hash algorithms of CertIDs
	_ "crypto/sha512"
)

// staple describes an OCSP response (RFC 6960).
type staple struct {
	about, issuerName, issuerKey role
	serial                       *big.Int // about's, unless it is set
	// responder signs the response. The response names named as its responder, by name or
	// by key.
	responder, named                  role
	byKey                             bool
	embedded                          []role
	status                            status
	thisUpdate, nextUpdate            time.Time
	producedAt                        time.Time
	hash                              crypto.Hash // of the CertID
	weak                              bool        // signed with SHA-1
	extensions, single                []pkix.Extension
	earlier, further                  []*staple // more statuses in the same response
	version                           []byte    // written out, unless it is nil
	utf8                              bool      // the responder's name is in UTF8Strings
	contentEdit, derEdit, base64Edits func([]byte) []byte
}

type status int

const (
	isGood status = iota
	isRevoked
	isUnknown
)

// text generates the response and returns it in base64.
func (s *staple) text(p *plan) ([]byte, error) {
	responder, err := p.certificate(s.responder)
	if err != nil {
		return nil, err
	}
	content, err := s.content(p)
	if err != nil {
		return nil, err
	}
	if s.contentEdit != nil {
		content = s.contentEdit(content)
	}
	der, err := s.signed(p, content, responder.key)
	if err != nil {
		return nil, err
	}
	if s.derEdit != nil {
		der = s.derEdit(der)
	}
	text := []byte(base64.StdEncoding.EncodeToString(der))
	if s.base64Edits != nil {
		text = s.base64Edits(text)
	}
	return text, nil
}

// content returns the DER of the ResponseData.
func (s *staple) content(p *plan) ([]byte, error) {
	named, err := p.certificate(s.named)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	name := named.made.RawSubject
	if s.utf8 {
		name = inUTF8(name)
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if s.version != nil {
			b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(s.version) })
		}
		if s.byKey {
			b.AddASN1(cbasn1.Tag(2).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1OctetString(digest(crypto.SHA1, keyBits(named.made.RawSubjectPublicKeyInfo)))
			})
		} else {
			b.AddASN1(cbasn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(name) })
		}
		b.AddASN1GeneralizedTime(s.producedAt.UTC())
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, each := range slices.Concat(s.earlier, []*staple{s}, s.further) {
				if err = each.addSingle(p, b); err != nil {
					return
				}
			}
		})
		addExtensions(b, 1, s.extensions)
	})
	if err != nil {
		return nil, err
	}
	return b.Bytes()
}

// addSingle adds a SingleResponse.
func (s *staple) addSingle(p *plan, b *cryptobyte.Builder) error {
	var made [3]*certificate
	for i, r := range []role{s.about, s.issuerName, s.issuerKey} {
		var err error
		if made[i], err = p.certificate(r); err != nil {
			return err
		}
	}
	serial := s.serial
	if serial == nil {
		serial = made[0].made.SerialNumber
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(hashOIDs[s.hash])
				b.AddASN1NULL()
			})
			b.AddASN1OctetString(digest(s.hash, made[1].made.RawSubject))
			b.AddASN1OctetString(digest(s.hash, keyBits(made[2].made.RawSubjectPublicKeyInfo)))
			b.AddASN1BigInt(serial)
		})
		s.addStatus(b)
		b.AddASN1GeneralizedTime(s.thisUpdate.UTC())
		if !s.nextUpdate.IsZero() {
			b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1GeneralizedTime(s.nextUpdate.UTC())
			})
		}
		addExtensions(b, 1, s.single)
	})
	return nil
}

// inUTF8 encodes a distinguished name with UTF8Strings.
func inUTF8(der []byte) []byte {
	type attributeSET []struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	var name []attributeSET
	if _, err := asn1.Unmarshal(der, &name); err != nil {
		panic(err)
	}
	for _, attributes := range name {
		for i := range attributes {
			attributes[i].Value = asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: attributes[i].Value.Bytes}
		}
	}
	der, err := asn1.Marshal(name)
	if err != nil {
		panic(err)
	}
	return der
}

func (s *staple) addStatus(b *cryptobyte.Builder) {
	switch s.status {
	case isRevoked:
		b.AddASN1(cbasn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1GeneralizedTime(s.thisUpdate.Add(-time.Hour).UTC())
		})
	case isUnknown:
		b.AddASN1(cbasn1.Tag(2).ContextSpecific(), func(*cryptobyte.Builder) {})
	default:
		b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(*cryptobyte.Builder) {})
	}
}

func addExtensions(b *cryptobyte.Builder, tag uint8, extensions []pkix.Extension) {
	if len(extensions) == 0 {
		return
	}
	b.AddASN1(cbasn1.Tag(tag).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
		der, err := asn1.Marshal(extensions)
		b.SetError(err)
		b.AddBytes(der)
	})
}

// signed returns the DER of the OCSPResponse.
func (s *staple) signed(p *plan, content []byte, key crypto.Signer) ([]byte, error) {
	hash := crypto.SHA256
	if s.weak {
		hash = crypto.SHA1
	}
	if _, isEd25519 := key.(ed25519.PrivateKey); isEd25519 {
		hash = 0
	}
	signature, err := crypto.SignMessage(key, rand.Reader, content, hash)
	if err != nil {
		return nil, fmt.Errorf("signing a staple: %w", err)
	}
	var basic cryptobyte.Builder
	basic.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(content)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { addAlgorithm(b, key, hash) })
		b.AddASN1BitString(signature)
		if s.embedded == nil {
			return
		}
		b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				for _, r := range s.embedded {
					c, err := p.certificate(r)
					if err != nil {
						b.SetError(err)
						return
					}
					b.AddBytes(c.der)
				}
			})
		})
	})
	der, err := basic.Bytes()
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Enum(0)
		b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1})
				b.AddASN1OctetString(der)
			})
		})
	})
	return b.Bytes()
}

// addAlgorithm adds the contents of an AlgorithmIdentifier.
func addAlgorithm(b *cryptobyte.Builder, key crypto.Signer, hash crypto.Hash) {
	switch _, isEC := key.(*ecdsa.PrivateKey); {
	case hash == 0:
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 3, 101, 112})
	case isEC && hash == crypto.SHA1:
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1})
	case isEC:
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2})
	case hash == crypto.SHA1:
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5})
		b.AddASN1NULL()
	default:
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11})
		b.AddASN1NULL()
	}
}

var hashOIDs = map[crypto.Hash]asn1.ObjectIdentifier{
	crypto.SHA1:   {1, 3, 14, 3, 2, 26},
	crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1},
	crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2},
	crypto.SHA512: {2, 16, 840, 1, 101, 3, 4, 2, 3},
}

func digest(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// keyBits returns the content of the BIT STRING in a SubjectPublicKeyInfo.
func keyBits(spki []byte) []byte {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(spki, &info); err != nil {
		panic(err)
	}
	return info.Key.Bytes
}
