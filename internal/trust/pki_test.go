package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const (
	testRegion = "us-east-1"
	testDomain = "amazonaws.com"
)

// signerKey generates one key for all tests, since generating RSA keys is slow.
var signerKey = sync.OnceValue(func() crypto.Signer { return newRSA(2048) })

func newRSA(bits int) crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func newEC() crypto.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// party is a certificate to be issued, and its key. Tests change the template before
// build issues the certificate.
type party struct {
	template *x509.Certificate
	key      crypto.Signer
	cert     *x509.Certificate
}

var serial = big.NewInt(1000)

func newParty(name string, key crypto.Signer) *party {
	serial = new(big.Int).Add(serial, big.NewInt(1))
	return &party{key: key, template: &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}}
}

func newAuthority(name string) *party {
	p := newParty(name, newEC())
	p.template.BasicConstraintsValid = true
	p.template.IsCA = true
	p.template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	return p
}

func (p *party) issuedBy(t *testing.T, issuer *party) {
	t.Helper()
	parent := issuer.cert
	if issuer == p {
		parent = p.template
	}
	der, err := x509.CreateCertificate(rand.Reader, p.template, parent, p.key.Public(), issuer.key)
	require.NoError(t, err)
	p.cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
}

// world is a signer and its evidence. build issues the certificates and staples that do
// not exist yet: a test changes templates before build, and evidence after it.
type world struct {
	root, middle, signer *party
	signerStaple         ocsp.Response
	middleStaple         ocsp.Response
	responder            *party // signs signerStaple; middle if nil
	responderIssuer      *party // issues responder; middle if nil

	evidence SignerEvidence
	anchors  *x509.CertPool
	region   string
	domain   string
	now      time.Time
}

func newWorld() *world {
	good := ocsp.Response{
		Status:     ocsp.Good,
		ThisUpdate: now.Add(-time.Hour),
		NextUpdate: now.Add(time.Hour),
		IssuerHash: crypto.SHA1,
	}
	return &world{
		root:         newAuthority("root"),
		middle:       newAuthority("middle"),
		signer:       newParty(signerName(testRegion, testDomain), signerKey()),
		signerStaple: good,
		middleStaple: good,
		region:       testRegion,
		domain:       testDomain,
		now:          now,
	}
}

func (w *world) build(t *testing.T) {
	t.Helper()
	w.root.issuedBy(t, w.root)
	w.middle.issuedBy(t, w.root)
	w.signer.issuedBy(t, w.middle)
	w.anchors = x509.NewCertPool()
	w.anchors.AddCert(w.root.cert)
	responder := w.middle
	if w.responder != nil {
		responder = w.responder
		if responder.cert == nil {
			issuer := w.responderIssuer
			if issuer == nil {
				issuer = w.middle
			}
			responder.issuedBy(t, issuer)
		}
		w.signerStaple.Certificate = responder.cert
	}
	w.evidence = SignerEvidence{
		Chain: toPEM(w.signer.cert, w.middle.cert),
		Staples: []Staple{
			staplesFor(t, w.signerStaple, w.signer, w.middle, responder),
			staplesFor(t, w.middleStaple, w.middle, w.root, w.root),
		},
	}
}

// staplesFor returns a staple about subject as issued by issuer, signed by responder. A
// serial number set in the template is kept.
func staplesFor(t *testing.T, template ocsp.Response, subject, issuer, responder *party) Staple {
	t.Helper()
	if template.SerialNumber == nil {
		template.SerialNumber = subject.cert.SerialNumber
	}
	if template.Status == ocsp.Revoked {
		template.RevokedAt = now.Add(-time.Hour) // without it, the ocsp package writes no status at all
	}
	der, err := ocsp.CreateResponse(issuer.cert, responder.cert, template, responder.key)
	require.NoError(t, err)
	return Staple{Name: subject.cert.Subject.CommonName, Body: []byte(base64.StdEncoding.EncodeToString(der))}
}

func (w *world) verify() (*Signer, error) {
	return Verify(w.evidence, w.region, w.domain, w.anchors, w.now)
}

func toPEM(certificates ...*x509.Certificate) []byte {
	var text []byte
	for _, c := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}
