package trust

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"
)

// Real responders write some unusual forms, and real clocks are off by minutes. A response
// with a valid signature that openssl-ocsp(1) accepts must be accepted here too. A case
// without a reason is accepted.
func TestUnusualStaples(t *testing.T) {
	for _, test := range []attack{
		// Clocks.
		{name: "thisUpdate is five minutes in the future", before: func(w *world) { w.signerStaple.ThisUpdate = now.Add(Tolerance) }},
		{name: "nextUpdate is almost five minutes ago", before: func(w *world) { w.signerStaple.NextUpdate = now.Add(time.Second - Tolerance) }},
		{name: "thisUpdate is more than five minutes in the future", reason: "not valid before", before: func(w *world) {
			w.signerStaple.ThisUpdate = now.Add(Tolerance + time.Second)
		}},
		{name: "nextUpdate is five minutes ago", reason: "expired at", before: func(w *world) { w.signerStaple.NextUpdate = now.Add(-Tolerance) }},
		{name: "nextUpdate is before thisUpdate", reason: "nextUpdate is before its thisUpdate", before: func(w *world) {
			w.signerStaple.ThisUpdate, w.signerStaple.NextUpdate = now.Add(time.Minute), now
		}},
		{name: "responder certificate is not yet valid", reason: "not yet valid", before: func(w *world) {
			w.responder = newResponder()
			w.responder.template.NotBefore = now.Add(time.Minute)
		}},

		// Versions and names.
		{name: "version v1 is written out", after: changed(func(_ *world, basic *basicResponse) { basic.Data.Version = explicit(v1) })},
		{name: "version is v2", reason: "version 02 01 01", after: changed(func(_ *world, basic *basicResponse) {
			basic.Data.Version = explicit([]byte{2, 1, 1})
		})},
		{name: "responder name in another string type", after: changed(func(_ *world, basic *basicResponse) {
			basic.Data.Responder.FullBytes = nil
			basic.Data.Responder.Bytes = nameOf(asn1.TagUTF8String, "middle")
		})},
		{name: "responder name differs by one character", reason: "its responder ID matches neither", after: changed(func(_ *world, basic *basicResponse) {
			basic.Data.Responder.FullBytes = nil
			basic.Data.Responder.Bytes = nameOf(asn1.TagUTF8String, "middle.")
		})},
		{name: "responder name in an unsupported string type", reason: "its responder ID matches neither", after: changed(func(_ *world, basic *basicResponse) {
			basic.Data.Responder.FullBytes = nil
			basic.Data.Responder.Bytes = nameOf(28, "middle") // UniversalString
		})},

		// Enclosed certificates.
		{name: "empty list of enclosed certificates", after: changed(func(w *world, basic *basicResponse) { w.enclose(basic) })},
		{name: "encloses the issuer", after: changed(func(w *world, basic *basicResponse) { w.enclose(basic, w.middle.cert.Raw) })},
		{name: "encloses the signer and an unrelated certificate", after: changed(func(w *world, basic *basicResponse) {
			w.enclose(basic, w.signer.cert.Raw, namesake("stranger").Raw)
		})},
		{name: "encloses an unrelated certificate with the issuer's name", after: changed(func(w *world, basic *basicResponse) {
			w.enclose(basic, namesake("middle").Raw)
		})},
		{name: "encloses a certificate of an unsupported version", after: changed(func(w *world, basic *basicResponse) {
			w.enclose(basic, bytes.Replace(w.middle.cert.Raw, []byte{0xA0, 3, 2, 1, 2}, []byte{0xA0, 3, 2, 1, 9}, 1))
		})},
		{name: "encloses something that is not a certificate", reason: "parsing enclosed certificate 1",
			after: changed(func(w *world, basic *basicResponse) { w.enclose(basic, []byte{0x30, 0}) })},
		{name: "encloses the authorized responder after other certificates", before: authorized, after: changed(func(w *world, basic *basicResponse) {
			w.enclose(basic, w.middle.cert.Raw, w.signer.cert.Raw, namesake("responder").Raw, w.responder.cert.Raw)
		})},
		{name: "does not enclose the authorized responder", reason: "nor any of the 2 enclosed", before: authorized,
			after: changed(func(w *world, basic *basicResponse) { w.enclose(basic, w.middle.cert.Raw, w.signer.cert.Raw) })},
		{name: "encloses an unrelated certificate with the responder's name", reason: "not OCSPSigning", before: authorized,
			after: changed(func(w *world, basic *basicResponse) { w.enclose(basic, namesake("responder").Raw) })},
		{name: "encloses 10 certificates", after: encloseMany(maxEnclosed)},
		{name: "encloses 11 certificates", reason: "encloses 11 certificates", after: encloseMany(maxEnclosed + 1)},
		{name: "enclosed certificates are not a list", reason: "list of enclosed certificates", after: changed(func(_ *world, basic *basicResponse) {
			basic.Certificates = explicit([]byte{4, 0})
		})},
		{name: "encloses two unauthorized responders, and the first is reported", reason: "not OCSPSigning", before: authorized,
			after: changed(func(w *world, basic *basicResponse) {
				weak := newResponder()
				weak.template.KeyUsage = x509.KeyUsageKeyEncipherment
				weak.issuedBy(&testing.T{}, w.middle)
				w.enclose(basic, namesake("responder").Raw, weak.cert.Raw)
			})},
		{name: "responder has id-pkix-ocsp-nocheck", before: noCheck(false)},
		{name: "responder has critical id-pkix-ocsp-nocheck", before: noCheck(true)},
		{name: "responder has an unknown critical extension", reason: "unhandled critical extension", before: func(w *world) {
			authorized(w)
			w.responder.template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 99}, Critical: true, Value: asn1.NullBytes}}
		}},

		// Extensions, hashes and types.
		{name: "unknown extension", after: changed(func(_ *world, basic *basicResponse) {
			basic.Data.Extensions = unknownExtension(false)
			basic.Data.Responses[0].Extensions = unknownExtension(false)
		})},
		{name: "unknown critical extension of the response", reason: "unsupported critical extension", after: changed(func(_ *world, basic *basicResponse) {
			basic.Data.Extensions = unknownExtension(true)
		})},
		{name: "unknown critical extension of a status", reason: "unsupported critical extension", after: changed(func(_ *world, basic *basicResponse) {
			basic.Data.Responses[0].Extensions = unknownExtension(true)
		})},
		{name: "CertID has an unknown hash algorithm", reason: "has the hash algorithm 1.2.3", after: changed(func(_ *world, basic *basicResponse) {
			basic.Data.Responses[0].ID.Algorithm.Algorithm = asn1.ObjectIdentifier{1, 2, 3}
		})},
		{name: "response type is not basic", reason: "expected 1.3.6.1.5.5.7.48.1.1 (basic)", after: func(w *world) {
			w.evidence.Staples[0].Body = ofType(w.evidence.Staples[0].Body, asn1.ObjectIdentifier{1, 2, 3})
		}},

		// Several statuses.
		{name: "first status says revoked about another serial number", after: changed(func(_ *world, basic *basicResponse) {
			other := basic.Data.Responses[0]
			other.ID.Serial = big.NewInt(4711)
			other.Status = asn1.RawValue{FullBytes: []byte{revoked, 17, 24, 15, '2', '0', '2', '6', '0', '1', '0', '1', '0', '0', '0', '0', '0', '0', 'Z'}}
			basic.Data.Responses = []singleResponse{other, basic.Data.Responses[0]}
		})},
		{name: "first status says revoked about another issuer's certificate", after: changed(func(_ *world, basic *basicResponse) {
			other := basic.Data.Responses[0]
			other.ID.KeyHash = make([]byte, len(other.ID.KeyHash))
			other.Status = asn1.RawValue{FullBytes: []byte{revoked, 17, 24, 15, '2', '0', '2', '6', '0', '1', '0', '1', '0', '0', '0', '0', '0', '0', 'Z'}}
			basic.Data.Responses = []singleResponse{other, basic.Data.Responses[0]}
		})},
		{name: "two statuses say good", after: changed(func(_ *world, basic *basicResponse) {
			basic.Data.Responses = append(basic.Data.Responses, basic.Data.Responses[0])
		})},
		{name: "second status says revoked", reason: "revoked at", after: changed(func(_ *world, basic *basicResponse) {
			second := basic.Data.Responses[0]
			second.Status = asn1.RawValue{FullBytes: []byte{revoked, 17, 24, 15, '2', '0', '2', '6', '0', '1', '0', '1', '0', '0', '0', '0', '0', '0', 'Z'}}
			basic.Data.Responses = append(basic.Data.Responses, second)
		})},
		{name: "first of two good statuses has expired", reason: "expired at", after: changed(func(_ *world, basic *basicResponse) {
			first := basic.Data.Responses[0]
			first.NextUpdate = now.Add(-Tolerance)
			basic.Data.Responses = []singleResponse{first, basic.Data.Responses[0]}
		})},
		{name: "no status", reason: "it has no certificate status", after: changed(func(_ *world, basic *basicResponse) { basic.Data.Responses = []singleResponse{} })},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			w.apply(t, test.before, test.after)
			_, err := w.verify()
			if test.reason == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.reason)
		})
	}
}

// A staple that is accepted only because of the tolerance is marked.
func TestStapleWithinTheToleranceIsMarked(t *testing.T) {
	for name, test := range map[string]struct {
		before func(*ocsp.Response)
		want   bool
	}{
		"current":                  {func(*ocsp.Response) {}, false},
		"thisUpdate in the future": {func(r *ocsp.Response) { r.ThisUpdate = now.Add(time.Second) }, true},
		"nextUpdate in the past":   {func(r *ocsp.Response) { r.NextUpdate = now.Add(-time.Second) }, true},
		"nextUpdate is now":        {func(r *ocsp.Response) { r.NextUpdate = now }, false},
		"thisUpdate is now":        {func(r *ocsp.Response) { r.ThisUpdate = now }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			test.before(&w.signerStaple)
			w.build(t)
			signer, err := w.verify()
			require.NoError(t, err)
			require.Equal(t, test.want, signer.Statuses[0].Tolerated)
		})
	}
}

// changed changes the signer's staple and signs it again with the same key.
func changed(change func(*world, *basicResponse)) func(*world) {
	return func(w *world) {
		w.evidence.Staples[0].Body = changeStaple(w.evidence.Staples[0].Body, parsed(func(basic *basicResponse) {
			change(w, basic)
			responder := w.middle
			if w.responder != nil {
				responder = w.responder
			}
			sign(basic, responder)
		}))
	}
}

// encloseMany makes the signer's staple enclose n certificates.
func encloseMany(n int) func(*world) {
	return changed(func(w *world, basic *basicResponse) {
		many := make([][]byte, n)
		for i := range many {
			many[i] = w.middle.cert.Raw
		}
		w.enclose(basic, many...)
	})
}

func unknownExtension(critical bool) []pkix.Extension {
	return []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: critical, Value: asn1.NullBytes}}
}

// ofType replaces the response type of a staple.
func ofType(body []byte, id asn1.ObjectIdentifier) []byte {
	der, err := decodeBase64(body)
	if err != nil {
		panic(err)
	}
	outer, err := readCanonical[ocspResponse](der)
	if err != nil {
		panic(err)
	}
	outer.Bytes.Type = id
	if der, err = asn1.Marshal(*outer); err != nil {
		panic(err)
	}
	return encodeBase64(der)
}

func explicit(content []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: content}
}

// enclose replaces the certificates that a response encloses.
func (w *world) enclose(basic *basicResponse, certificates ...[]byte) {
	var list []byte
	for _, der := range certificates {
		list = append(list, der...)
	}
	sequence, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: list})
	if err != nil {
		panic(err)
	}
	basic.Certificates = explicit(sequence)
}

// nameOf returns the DER of a name with one common name.
func nameOf(stringTag int, text string) []byte {
	der, err := asn1.Marshal([][]struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}{{{oidCommonName, asn1.RawValue{Tag: stringTag, Bytes: []byte(text)}}}})
	if err != nil {
		panic(err)
	}
	der[2] = asn1.TagSet | 0x20
	return der
}

// namesake returns a self-signed certificate with a given name.
func namesake(name string) *x509.Certificate {
	p := newAuthority(name)
	p.issuedBy(&testing.T{}, p)
	return p.cert
}

func authorized(w *world) { w.responder = newResponder() }

func noCheck(critical bool) func(*world) {
	return func(w *world) {
		authorized(w)
		w.responder.template.ExtraExtensions = []pkix.Extension{{Id: oidOCSPNoCheck, Critical: critical, Value: asn1.NullBytes}}
	}
}
