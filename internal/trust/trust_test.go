package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"
)

func TestVerifyAcceptsWhatAWSServes(t *testing.T) {
	w := newWorld()
	w.build(t)
	signer, err := w.verify()
	require.NoError(t, err)
	require.Len(t, signer.Chain, 3)
	require.Len(t, signer.Statuses, 2)
	require.Equal(t, now.Add(time.Hour+Tolerance), signer.ValidUntil())
}

// A Signer is trusted until the first of its certificates and OCSP responses expires.
func TestValidUntil(t *testing.T) {
	soon := now.Add(time.Minute)
	for name, before := range map[string]func(*world){
		"signer certificate expires first":   func(w *world) { w.signer.template.NotAfter = soon },
		"issuer certificate expires first":   func(w *world) { w.middle.template.NotAfter = soon },
		"anchor expires first":               func(w *world) { w.root.template.NotAfter = soon },
		"staple of the signer expires first": func(w *world) { w.signerStaple.NextUpdate = soon.Add(-Tolerance) },
		"staple of the issuer expires first": func(w *world) { w.middleStaple.NextUpdate = soon.Add(-Tolerance) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.apply(t, before, nil)
			signer, err := w.verify()
			require.NoError(t, err)
			require.Equal(t, soon, signer.ValidUntil())
		})
	}
}

// Each variation is valid and must be accepted.
func TestVerifyAccepts(t *testing.T) {
	for name, test := range map[string]struct{ before, after func(*world) }{
		"delegated responder": {before: func(w *world) { w.responder = newResponder() }},
		"responder ID is a key hash": {after: func(w *world) {
			w.evidence.Staples[0].Body = changeStaple(w.evidence.Staples[0].Body, byKeyHash(w.middle, w.middle))
		}},
		"CertID with SHA-256": {before: func(w *world) {
			w.signerStaple.IssuerHash, w.middleStaple.IssuerHash = crypto.SHA256, crypto.SHA256
		}},
		"DNS name without a common name": {before: func(w *world) {
			w.signer.template.Subject = pkix.Name{Organization: []string{"AWS"}}
			w.signer.template.DNSNames = []string{"other.example", signerName(testRegion, testDomain)}
		}},
		"critical DNS name without a subject": {before: func(w *world) {
			w.signer.template.Subject = pkix.Name{}
			w.signer.template.DNSNames = []string{signerName(testRegion, testDomain)}
		}},
		"basic constraints say that the signer is not a CA": {before: func(w *world) {
			w.signer.template.BasicConstraintsValid, w.signer.template.MaxPathLen = true, -1
		}},
		"authority key identifier with the issuer's issuer and serial number": {before: func(w *world) {
			name := append([]byte{0xA4, byte(len(nameOf(asn1.TagPrintableString, "root")))}, nameOf(asn1.TagPrintableString, "root")...)
			issuer := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 1, IsCompound: true, Bytes: name}
			w.middle.template.SubjectKeyId = []byte{1}
			w.signer.template.ExtraExtensions = keyIdentifier(authorityKeyID{ID: []byte{1}, Issuer: issuer, Serial: w.middle.template.SerialNumber})
		}},
		"responder without a key usage": {before: func(w *world) {
			w.responder = newResponder()
			w.responder.template.KeyUsage = 0
		}},
		"any extended key usage": {before: func(w *world) {
			w.signer.template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
		}},
		"staples under each other's names": {after: func(w *world) {
			s := w.evidence.Staples
			s[0].Name, s[1].Name = s[1].Name, s[0].Name
		}},
		"staple that says revoked about another certificate": {after: func(w *world) {
			other := newWorld()
			other.signerStaple.Status = ocsp.Revoked
			other.build(&testing.T{})
			w.evidence.Staples = append(other.evidence.Staples, w.evidence.Staples...)
		}},
		"malformed staple beside good ones": {after: func(w *world) {
			w.evidence.Staples = append([]Staple{{Name: "x", Body: []byte("!")}}, w.evidence.Staples...)
		}},
		"staple with line breaks and spaces": {after: func(w *world) {
			s := string(w.evidence.Staples[0].Body)
			w.evidence.Staples[0].Body = []byte(s[:64] + "\n" + s[64:128] + "\r\n\t" + s[128:192] + " " + s[192:] + "\n")
		}},
		"unrelated certificate in the chain": {after: func(w *world) {
			stranger := newAuthority("stranger")
			stranger.issuedBy(&testing.T{}, stranger)
			w.evidence.Chain = append(w.evidence.Chain, toPEM(stranger.cert)...)
		}},
		"root in the chain": {after: func(w *world) {
			w.evidence.Chain = append(w.evidence.Chain, toPEM(w.root.cert)...)
		}},
		"name permitted by critical constraints": {before: constrainedTo("amazonaws.com", true)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.apply(t, test.before, test.after)
			_, err := w.verify()
			require.NoError(t, err)
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	tests := []attack{
		// Names.
		{name: "signer name of another domain", reason: "is named", before: commonName("managed-ssh-signer.us-east-1.attacker.example")},
		{name: "signer name of another Region", reason: "is named", before: commonName(signerName("us-west-2", testDomain))},
		{name: "signer name with a suffix", reason: "is named", before: commonName(signerName(testRegion, testDomain) + ".attacker.example")},
		{name: "signer name in capitals", reason: "is named", before: commonName(strings.ToUpper(signerName(testRegion, testDomain)))},
		{name: "empty common name beside the right DNS name", reason: "is named", before: func(w *world) {
			w.signer.template.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: oidCommonName, Value: ""}}}
			w.signer.template.DNSNames = []string{signerName(testRegion, testDomain)}
		}},
		{name: "wrong common name beside the right DNS name", reason: "is named", before: func(w *world) {
			w.signer.template.Subject.CommonName = "attacker.example"
			w.signer.template.DNSNames = []string{signerName(testRegion, testDomain)}
		}},
		{name: "two common names", reason: "2 common names", before: func(w *world) {
			right := pkix.AttributeTypeAndValue{Type: oidCommonName, Value: signerName(testRegion, testDomain)}
			w.signer.template.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{right, right}}
		}},
		{name: "wildcard DNS name", reason: "none of its DNS names", before: func(w *world) {
			w.signer.template.Subject = pkix.Name{Organization: []string{"AWS"}}
			w.signer.template.DNSNames = []string{"*.us-east-1.amazonaws.com"}
		}},

		// Keys.
		{name: "signer with an elliptic-curve key", reason: "expected RSA", before: func(w *world) { w.signer.key = newEC() }},
		{name: "signer with an RSA key of 1024 bits", reason: "1024 bits", before: func(w *world) { w.signer.key = newRSA(1024) }},
		{name: "issuer with an RSA key of 1024 bits", reason: "unknown authority", before: func(w *world) { w.middle.key = newRSA(1024) }},
		{name: "issuer with an elliptic-curve key of 224 bits", reason: "unknown authority", before: func(w *world) {
			key, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
			require.NoError(t, err)
			w.middle.key = key
		}},
		{name: "anchor with an RSA key of 1024 bits", reason: "too weak", before: func(w *world) { w.root.key = newRSA(1024) }},

		// Chains.
		{name: "expired signer", reason: "has expired", before: func(w *world) { w.signer.template.NotAfter = now.Add(-time.Second) }},
		{name: "signer not yet valid", reason: "not yet valid", before: func(w *world) { w.signer.template.NotBefore = now.Add(time.Second) }},
		{name: "expired issuer", reason: "has expired", before: func(w *world) { w.middle.template.NotAfter = now.Add(-time.Second) }},
		{name: "anchor with another key", reason: "unknown authority", after: func(w *world) {
			stranger := newAuthority("root")
			stranger.issuedBy(&testing.T{}, stranger)
			w.anchors = x509.NewCertPool()
			w.anchors.AddCert(stranger.cert)
		}},
		{name: "no anchors", reason: "unknown authority", after: func(w *world) { w.anchors = x509.NewCertPool() }},
		{name: "signer is an anchor", reason: "itself a trust anchor", after: func(w *world) {
			w.anchors = x509.NewCertPool()
			w.anchors.AddCert(w.signer.cert)
		}},
		{name: "missing issuer", reason: "unknown authority", after: func(w *world) { w.evidence.Chain = toPEM(w.signer.cert) }},
		{name: "issuer is not a CA", reason: "cannot sign", before: func(w *world) {
			w.middle.template.IsCA = false
			w.middle.template.KeyUsage = x509.KeyUsageDigitalSignature
		}},
		{name: "issuer without a key usage", reason: "does not allow signing certificates", before: func(w *world) { w.middle.template.KeyUsage = 0 }},
		{name: "signer with keyCertSign is not a CA", reason: "without being a certificate authority", before: func(w *world) {
			w.signer.template.KeyUsage |= x509.KeyUsageCertSign
		}},
		{name: "issuer without a subject key identifier", reason: "key identifier", before: func(w *world) {
			// An explicit empty identifier keeps crypto/x509 from making one up.
			w.middle.template.ExtraExtensions = []pkix.Extension{{Id: oidSubjectKeyID, Value: []byte{4, 0}}}
		}},
		{name: "path longer than the path length constraint", reason: "path length", before: func(w *world) {
			w.root.template.MaxPathLenZero = true
		}},
		{name: "issuer excludes the name", reason: "constraints exclude the name", before: func(w *world) {
			w.middle.template.ExcludedDNSDomains = []string{"amazonaws.com"}
			w.middle.template.PermittedDNSDomainsCritical = true
		}},
		{name: "issuer does not permit the name", reason: "constraints do not permit the name", before: constrainedTo("example.com", true)},
		{name: "issuer permits a suffix of the name within a label", reason: "constraints do not permit the name", before: constrainedTo("zonaws.com", true)},
		{name: "unknown critical extension", reason: "unhandled critical extension", before: func(w *world) {
			w.signer.template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 1}, Critical: true, Value: []byte{5, 0}}}
		}},
		{name: "empty chain", reason: "no certificate", after: func(w *world) { w.evidence.Chain = nil }},
		{name: "private key in the chain", reason: "PRIVATE KEY", after: func(w *world) {
			w.evidence.Chain = append(w.evidence.Chain, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"...)
		}},
		{name: "truncated chain", reason: "cut short", after: func(w *world) { w.evidence.Chain = w.evidence.Chain[:len(w.evidence.Chain)-40] }},
		{name: "too many certificates", reason: "at most 10", after: func(w *world) {
			w.evidence.Chain = []byte(strings.Repeat(string(w.evidence.Chain), 6))
		}},

		// Staples.
		{name: "no staples", reason: "none of 0 staples", after: func(w *world) { w.evidence.Staples = nil }},
		{name: "no staple for the signer", reason: "none of 1 staples", after: func(w *world) { w.evidence.Staples = w.evidence.Staples[1:] }},
		{name: "no staple for the issuer", reason: "none of 1 staples", after: func(w *world) { w.evidence.Staples = w.evidence.Staples[:1] }},
		{name: "revoked signer", reason: "revoked at", before: func(w *world) { w.signerStaple.Status = ocsp.Revoked }},
		{name: "revoked issuer", reason: "revoked at", before: func(w *world) { w.middleStaple.Status = ocsp.Revoked }},
		{name: "responder does not know the signer", reason: "does not know", before: func(w *world) { w.signerStaple.Status = ocsp.Unknown }},
		{name: "staple without nextUpdate", reason: "no nextUpdate", before: func(w *world) { w.signerStaple.NextUpdate = time.Time{} }},
		{name: "staple for another serial number", reason: "none of 2 staples", before: func(w *world) { w.signerStaple.SerialNumber = big.NewInt(7) }},
		{name: "staple for an issuer with the same name and another key", reason: "none of 2 staples", after: func(w *world) {
			namesake := newAuthority("middle")
			namesake.issuedBy(&testing.T{}, w.root)
			w.evidence.Staples[0] = staplesFor(&testing.T{}, w.signerStaple, w.signer, namesake, namesake)
		}},
		{name: "staple for an issuer with the same key and another name", reason: "none of 2 staples", after: func(w *world) {
			other := newAuthority("other")
			other.key = w.middle.key
			other.issuedBy(&testing.T{}, w.root)
			w.evidence.Staples[0] = staplesFor(&testing.T{}, w.signerStaple, w.signer, other, w.middle)
		}},
		{name: "revoked in one staple, good in another", reason: "revoked at", after: func(w *world) {
			revoked := w.signerStaple
			revoked.Status = ocsp.Revoked
			w.evidence.Staples = append(w.evidence.Staples, staplesFor(&testing.T{}, revoked, w.signer, w.middle, w.middle))
		}},
		{name: "revoked in an expired staple, good in another", reason: "revoked at", after: func(w *world) {
			revoked := w.signerStaple
			revoked.Status, revoked.NextUpdate = ocsp.Revoked, now.Add(-time.Minute)
			w.evidence.Staples = append(w.evidence.Staples, staplesFor(&testing.T{}, revoked, w.signer, w.middle, w.middle))
		}},
		{name: "staple signed by the signer itself", reason: "not OCSPSigning", before: func(w *world) { w.responder = w.signer }},
		{name: "staple signed by a sibling without OCSPSigning", reason: "not OCSPSigning", before: func(w *world) {
			w.responder = newResponder()
			w.responder.template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}},
		{name: "staple signed by a sibling with any extended key usage", reason: "not OCSPSigning", before: func(w *world) {
			w.responder = newResponder()
			w.responder.template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
		}},
		{name: "expired responder", reason: "has expired", before: func(w *world) {
			w.responder = newResponder()
			w.responder.template.NotAfter = now.Add(-time.Second)
		}},
		{name: "responder with keyEncipherment only", reason: "key usage does not allow", before: func(w *world) {
			w.responder = newResponder()
			w.responder.template.KeyUsage = x509.KeyUsageKeyEncipherment
		}},
		{name: "responder with keyCertSign is not a CA", reason: "without being a certificate authority", before: func(w *world) {
			w.responder = newResponder()
			w.responder.template.KeyUsage |= x509.KeyUsageCertSign
		}},
		{name: "responder from an unrelated issuer of the same name", reason: "unknown authority", before: func(w *world) {
			w.responder = newResponder()
			w.responderIssuer = newAuthority("middle")
			w.responderIssuer.issuedBy(&testing.T{}, w.responderIssuer)
		}},
		{name: "responder that the root issued, for a certificate that the issuer issued", reason: "responder", before: func(w *world) {
			w.responder, w.responderIssuer = newResponder(), w.root
		}},
		{name: "staple signed by another key", reason: "verifying its signature", after: func(w *world) {
			impostor := &party{key: newEC(), cert: w.middle.cert}
			w.evidence.Staples[0] = staplesFor(&testing.T{}, w.signerStaple, w.signer, w.middle, impostor)
		}},
		{name: "staple with the name of another responder", reason: "responder ID matches neither", after: func(w *world) {
			signer := &party{key: w.middle.key, cert: w.root.cert}
			w.evidence.Staples[0] = staplesFor(&testing.T{}, w.signerStaple, w.signer, w.middle, signer)
		}},
		{name: "staple with the key hash of another responder", reason: "responder ID matches neither", after: func(w *world) {
			w.evidence.Staples[0].Body = changeStaple(w.evidence.Staples[0].Body, byKeyHash(w.middle, w.root))
		}},
		{name: "staple signed with SHA-1", reason: "SHA1", before: func(w *world) {
			w.middle.key = newRSA(2048)
			w.signerStaple.SignatureAlgorithm = x509.SHA1WithRSA
		}},
		{name: "OCSP error response", reason: "try later", after: func(w *world) {
			w.evidence.Staples[0].Body = []byte("MAMKAQM=")
		}},
		{name: "staple that is not base64", reason: "decoding the OCSP response", after: func(w *world) { w.evidence.Staples[0].Body = []byte("<html>") }},
		{name: "staple with trailing data", reason: "trailing data", after: func(w *world) {
			der, err := decodeBase64(w.evidence.Staples[0].Body)
			require.NoError(t, err)
			w.evidence.Staples[0].Body = encodeBase64(append(der, 0))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			w.apply(t, test.before, test.after)
			signer, err := w.verify()
			require.ErrorContains(t, err, test.reason)
			require.Nil(t, signer)
		})
	}
}

type attack struct {
	name, reason  string
	before, after func(*world)
}

func (w *world) apply(t *testing.T, before, after func(*world)) {
	t.Helper()
	if before != nil {
		before(w)
	}
	w.build(t)
	if after != nil {
		after(w)
	}
}

func commonName(name string) func(*world) {
	return func(w *world) { w.signer.template.Subject.CommonName = name }
}

func newResponder() *party {
	p := newParty("responder", newEC())
	p.template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
	return p
}

func TestSignatureParameters(t *testing.T) {
	key := signerKey().(*rsa.PrivateKey)
	w := newWorld()
	w.build(t)
	signer, err := w.verify()
	require.NoError(t, err)

	signed := []byte("#Timestamp=1\nssh-ed25519 AAAA\n")
	digest := sha256.Sum256(signed)
	pss := func(salt int, hash crypto.Hash, digest []byte) []byte {
		signature, err := rsa.SignPSS(rand.Reader, key, hash, digest, &rsa.PSSOptions{SaltLength: salt})
		require.NoError(t, err)
		return signature
	}
	require.NoError(t, signer.VerifySignature(signed, pss(32, crypto.SHA256, digest[:])))

	pkcs1, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	require.NoError(t, err)
	for name, signature := range map[string][]byte{
		"PKCS #1 v1.5":               pkcs1,
		"salt of the maximum length": pss(rsa.PSSSaltLengthAuto, crypto.SHA256, digest[:]),
		"salt of 20 bytes":           pss(20, crypto.SHA256, digest[:]),
		"salt of 33 bytes":           pss(33, crypto.SHA256, digest[:]),
		"SHA-384":                    pss(32, crypto.SHA384, make([]byte, 48)),
		"empty signature":            nil,
		"256 zero bytes":             make([]byte, 256),
		"one extra byte":             append(pss(32, crypto.SHA256, digest[:]), 0),
	} {
		require.Error(t, signer.VerifySignature(signed, signature), name)
	}
	require.Error(t, signer.VerifySignature(signed[:len(signed)-1], pss(32, crypto.SHA256, digest[:])))
}
