package doctor

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"
	"golang.org/x/crypto/ssh"

	"eic/internal/lookup"
	"eic/internal/trust"
)

// What the self-test's document names.
const (
	testInstance = "i-0123456789abcdef0"
	testRegion   = "us-east-1"
	requestID    = "00000000-0000-4000-8000-000000000000"
)

// world is everything a login with one pushed key rests on, made on the spot.
type world struct {
	evidence lookup.Evidence
	terms    lookup.Terms
	// key is the key line that may be printed.
	key []byte
	// forgedChain and forgedStaples are those of the evidence with one byte
	// changed.
	forgedChain   []byte
	forgedStaples []trust.Staple
}

// newWorld makes a root, a signer below it, the signer's staple and a document
// with one key for user root.
func newWorld(now time.Time) (world, error) {
	root, err := newAuthority(now)
	if err != nil {
		return world{}, err
	}
	signer, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return world{}, err
	}
	certificate, staple, err := root.certify(signer.Public(), now)
	if err != nil {
		return world{}, err
	}
	key, err := newKey()
	if err != nil {
		return world{}, err
	}
	document, err := sign(signer, fmt.Sprintf("#Timestamp=%d\n#Instance=%s\n#Request=%s\n%s\n",
		now.Add(time.Minute).Unix(), testInstance, requestID, key))
	if err != nil {
		return world{}, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(root.certificate)
	return world{
		key: key,
		terms: lookup.Terms{
			User:    "root",
			Anchors: func(string) (*x509.CertPool, error) { return pool, nil },
		},
		evidence: lookup.Evidence{
			Time:       now,
			Instance:   testInstance,
			ActiveKeys: document,
			Region:     []byte(testRegion),
			Domain:     []byte(trust.AmazonDomain),
			Signer:     trust.SignerEvidence{Chain: inPEM(certificate), Staples: inBase64(staple)},
		},
		forgedChain:   inPEM(altered(certificate)),
		forgedStaples: inBase64(altered(staple)),
	}, nil
}

// authority is a certificate authority that issues one certificate.
type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func newAuthority(now time.Time) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "eic doctor's self-test"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(time.Hour),
		BasicConstraintsValid: true,
		IsCA:                  true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return authority{}, err
	}
	certificate, err := x509.ParseCertificate(der)
	return authority{key, certificate}, err
}

// certify returns a signer's certificate and a staple that says it is good,
// both in DER.
func (a authority) certify(key crypto.PublicKey, now time.Time) (certificate, staple []byte, err error) {
	name := trust.SignerName(testRegion, trust.AmazonDomain)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(2),
		Subject:               pkix.Name{CommonName: name},
		DNSNames:              []string{name},
		NotBefore:             a.certificate.NotBefore,
		NotAfter:              a.certificate.NotAfter,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
	}
	certificate, err = x509.CreateCertificate(rand.Reader, template, a.certificate, key, a.key)
	if err != nil {
		return nil, nil, err
	}
	staple, err = ocsp.CreateResponse(a.certificate, a.certificate, ocsp.Response{
		Status:       ocsp.Good,
		SerialNumber: template.SerialNumber,
		ThisUpdate:   now.Add(-time.Minute),
		NextUpdate:   now.Add(time.Hour),
	}, a.key)
	return certificate, staple, err
}

// newKey returns the key line of a key that nobody has the private half of.
func newKey() ([]byte, error) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	line := ssh.MarshalAuthorizedKey(key)
	return line[:len(line)-1], nil
}

// sign returns a document with one block.
func sign(key *rsa.PrivateKey, text string) ([]byte, error) {
	options := &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}
	signature, err := crypto.SignMessage(key, rand.Reader, []byte(text), options)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%s%s\n", text, base64.StdEncoding.EncodeToString(signature)), nil
}

// altered returns data with its last byte, which is a part of the signature,
// changed.
func altered(data []byte) []byte {
	data = slices.Clone(data)
	data[len(data)-1] ^= 1
	return data
}

func inPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func inBase64(der []byte) []trust.Staple {
	return []trust.Staple{{Name: "self-test", Body: []byte(base64.StdEncoding.EncodeToString(der))}}
}
