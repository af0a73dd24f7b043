package trust

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"
)

// crypto/x509 and encoding/asn1 accept each of these flaws.
func TestVerifyRefusesFlawsThatTheLibrariesAccept(t *testing.T) {
	for _, test := range []attack{
		{name: "authority key identifier with another serial number", reason: "does not match the issuer", before: func(w *world) {
			w.middle.template.SubjectKeyId = []byte{1}
			w.signer.template.ExtraExtensions = keyIdentifier(authorityKeyID{ID: []byte{1}, Serial: big.NewInt(4711)})
		}},
		{name: "authority key identifier that names another issuer", reason: "does not match the issuer", before: func(w *world) {
			other := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 1, IsCompound: true, Bytes: []byte{0xA4, 2, 0x30, 0}}
			w.middle.template.SubjectKeyId = []byte{1}
			w.signer.template.ExtraExtensions = keyIdentifier(authorityKeyID{ID: []byte{1}, Issuer: other})
		}},
		{name: "authority key identifier without a key identifier", reason: "no authority key identifier", before: func(w *world) {
			w.signer.template.ExtraExtensions = keyIdentifier(authorityKeyID{})
		}},
		{name: "authority key identifier of another key", reason: "does not match the subject key identifier of", before: func(w *world) {
			w.signer.template.ExtraExtensions = keyIdentifier(authorityKeyID{ID: []byte{1}})
		}},
		{name: "issuer without a name", reason: "no issuer name", before: func(w *world) { w.root.template.Subject = pkix.Name{} }},
		{name: "no subject, and alternative names are not critical", reason: "neither a subject nor a critical", before: func(w *world) {
			name := signerName(testRegion, testDomain)
			value := append([]byte{0x30, byte(len(name) + 2), 0x82, byte(len(name))}, name...)
			w.signer.template.Subject = pkix.Name{}
			w.signer.template.ExtraExtensions = []pkix.Extension{{Id: oidSubjectAltName, Value: value}}
		}},
		{name: "signer is a CA by basic constraints that are not critical", reason: "no critical basic constraints", before: func(w *world) {
			w.signer.template.BasicConstraintsValid, w.signer.template.IsCA = true, true
			w.signer.template.ExtraExtensions = []pkix.Extension{{Id: oidBasicConstraints, Value: []byte{0x30, 3, 1, 1, 0xff}}}
		}},
		{name: "alternative name of an unknown type", reason: "unknown type of subject alternative name", before: func(w *world) {
			w.signer.template.ExtraExtensions = []pkix.Extension{{Id: oidSubjectAltName, Value: []byte{0x30, 3, 0x83, 1, 'x'}}}
		}},
		{name: "responder with an empty key usage", reason: "key usage does not allow", before: func(w *world) {
			w.responder = newResponder()
			w.responder.template.KeyUsage = 0
			w.responder.template.ExtraExtensions = []pkix.Extension{{Id: oidKeyUsage, Value: []byte{3, 2, 7, 0}}}
		}},
		{name: "extra element after the extensions of a certificate", reason: "not canonical DER", after: func(w *world) {
			w.signer.cert = signAgain(w.signer.cert, w.middle)
			w.evidence.Chain = toPEM(w.signer.cert, w.middle.cert)
		}},
		{name: "extra element after the signature of a staple", reason: "parsing the OCSP response", after: func(w *world) {
			// The signature does not cover this part of the staple.
			w.evidence.Staples[0].Body = changeStaple(w.evidence.Staples[0].Body, lengthen)
		}},
		{name: "signature algorithm of a staple has parameters", reason: "has parameters", after: func(w *world) {
			w.evidence.Staples[0].Body = changeStaple(w.evidence.Staples[0].Body, parsed(func(basic *basicResponse) {
				basic.Algorithm.Parameters = asn1.RawValue{FullBytes: []byte{asn1.TagBoolean, 0}}
			}))
		}},
		{name: "hash algorithm of a CertID has parameters", reason: "has parameters", after: func(w *world) {
			w.evidence.Staples[0].Body = changeStaple(w.evidence.Staples[0].Body, parsed(func(basic *basicResponse) {
				basic.Data.Responses[0].ID.Algorithm.Parameters = asn1.RawValue{FullBytes: []byte{asn1.TagBoolean, 0}}
				sign(basic, w.middle)
			}))
		}},
		{name: "good status in another encoding", reason: "expected good, revoked or unknown", after: func(w *world) {
			w.evidence.Staples[0].Body = changeStaple(w.evidence.Staples[0].Body, parsed(func(basic *basicResponse) {
				basic.Data.Responses[0].Status = asn1.RawValue{FullBytes: []byte{0xA0, 0}}
				sign(basic, w.middle)
			}))
		}},
		{name: "responder ID of an unknown kind", reason: "neither a name nor a key hash", after: func(w *world) {
			w.evidence.Staples[0].Body = changeStaple(w.evidence.Staples[0].Body, parsed(func(basic *basicResponse) {
				basic.Data.Responder.FullBytes[0] &^= 0x80
			}))
		}},
		{name: "malformed PEM block before a valid one", reason: "malformed or cut short", after: func(w *world) {
			w.evidence.Chain = append([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n"), w.evidence.Chain...)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			w.apply(t, test.before, test.after)
			_, err := w.verify()
			require.ErrorContains(t, err, test.reason)
		})
	}
}

func keyIdentifier(id authorityKeyID) []pkix.Extension {
	value, err := asn1.Marshal(id)
	if err != nil {
		panic(err)
	}
	return []pkix.Extension{{Id: oidAuthorityKeyID, Value: value}}
}

// An RSA key of 96,000 bits just fits in a staple. Verifying one signature with it takes
// two seconds, and there may be 16 staples. Verify must take less than a tenth of the time
// of the ocsp package, which does verify such a signature.
func TestEnclosedCertificateWithAHugeKeyIsNotUsed(t *testing.T) {
	const bits = 96_000
	w := newWorld()
	w.build(t)
	modulus, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), bits))
	require.NoError(t, err)
	modulus.SetBit(modulus.SetBit(modulus, bits-1, 1), 0, 1)
	der, err := x509.CreateCertificate(rand.Reader, newResponder().template, w.middle.cert,
		&rsa.PublicKey{N: modulus, E: 1<<31 - 1}, w.middle.key)
	require.NoError(t, err)
	huge, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	w.signerStaple.Certificate = huge
	staple := staplesFor(t, w.signerStaple, w.signer, w.middle, &party{key: w.middle.key, cert: huge})
	der = withRSASignature(t, staple, bytes.Repeat([]byte{1}, bits/8))
	w.evidence.Staples[0].Body = []byte(base64.StdEncoding.EncodeToString(der))

	start := time.Now()
	_, err = w.verify()
	ours := time.Since(start)
	require.ErrorContains(t, err, "too large")
	start = time.Now()
	_, err = ocsp.ParseResponse(der, nil)
	floor := time.Since(start)
	require.ErrorContains(t, err, "verification error")
	require.Less(t, 10*ours, floor)
}

var oidSHA256WithRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}

// withRSASignature returns the DER of a staple with this signature and the algorithm RSA.
func withRSASignature(t *testing.T, s Staple, signature []byte) []byte {
	t.Helper()
	der, err := decodeBase64(s.Body)
	require.NoError(t, err)
	outer, err := readCanonical[ocspResponse](der)
	require.NoError(t, err)
	basic, err := readCanonical[basicResponse](outer.Bytes.Basic)
	require.NoError(t, err)
	basic.Algorithm = pkix.AlgorithmIdentifier{Algorithm: oidSHA256WithRSA, Parameters: asn1.NullRawValue}
	basic.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	outer.Bytes.Basic, err = asn1.Marshal(*basic)
	require.NoError(t, err)
	der, err = asn1.Marshal(*outer)
	require.NoError(t, err)
	return der
}

// signAgain adds an element after the extensions of a certificate and signs the result.
func signAgain(c *x509.Certificate, issuer *party) *x509.Certificate {
	var outer struct {
		Content   asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(c.Raw, &outer); err != nil {
		panic(err)
	}
	outer.Content = asn1.RawValue{FullBytes: lengthen(outer.Content.FullBytes)}
	signature, err := crypto.SignMessage(issuer.key, rand.Reader, outer.Content.FullBytes, crypto.SHA256)
	if err != nil {
		panic(err)
	}
	outer.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	der, err := asn1.Marshal(outer)
	if err != nil {
		panic(err)
	}
	again, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return again
}

// changeStaple changes the BasicOCSPResponse in a staple.
func changeStaple(body []byte, change func([]byte) []byte) []byte {
	der, err := decodeBase64(body)
	if err != nil {
		panic(err)
	}
	outer, err := readCanonical[ocspResponse](der)
	if err != nil {
		panic(err)
	}
	outer.Bytes.Basic = change(outer.Bytes.Basic)
	if der, err = asn1.Marshal(*outer); err != nil {
		panic(err)
	}
	return encodeBase64(der)
}

// parsed changes the parsed form of a BasicOCSPResponse.
func parsed(change func(*basicResponse)) func([]byte) []byte {
	return func(der []byte) []byte {
		basic, err := readCanonical[basicResponse](der)
		if err != nil {
			panic(err)
		}
		change(basic)
		if der, err = asn1.Marshal(*basic); err != nil {
			panic(err)
		}
		return der
	}
}

// byKeyHash replaces the responder ID of a response by the hash of responder's key, and
// signs the result with signer's key.
func byKeyHash(signer, responder *party) func([]byte) []byte {
	return parsed(func(basic *basicResponse) {
		key, err := publicKeyBits(responder.cert)
		if err != nil {
			panic(err)
		}
		hash, err := asn1.Marshal(digest(crypto.SHA1, key))
		if err != nil {
			panic(err)
		}
		basic.Data.Responder = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, IsCompound: true, Bytes: hash}
		sign(basic, signer)
	})
}

// sign signs a response again, with an elliptic-curve key.
func sign(basic *basicResponse, signer *party) {
	data, err := asn1.Marshal(basic.Data)
	if err != nil {
		panic(err)
	}
	signature, err := crypto.SignMessage(signer.key, rand.Reader, data, crypto.SHA256)
	if err != nil {
		panic(err)
	}
	basic.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
}

// lengthen appends a NULL to a SEQUENCE.
func lengthen(der []byte) []byte {
	var sequence asn1.RawValue
	if _, err := asn1.Unmarshal(der, &sequence); err != nil {
		panic(err)
	}
	der, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: append(sequence.Bytes, asn1.NullBytes...)})
	if err != nil {
		panic(err)
	}
	return der
}

// The strict encoding rules accept the roots in real use.
func TestRootsOfTheDistributionAreCanonical(t *testing.T) {
	files, err := filepath.Glob("/usr/share/ca-certificates/mozilla/*.crt")
	require.NoError(t, err)
	require.NotEmpty(t, files, "the package ca-certificates must be installed")
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		block, _ := pem.Decode(text)
		require.NotNil(t, block, file)
		_, err = readCanonical[certificate](block.Bytes)
		require.NoError(t, err, file)
	}
}
