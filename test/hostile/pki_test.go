package hostile

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"

	"eic/internal/sim/ca"
	"eic/test/trial"
)

// modulus returns a random odd number of the given number of bits.
func modulus(t *testing.T, bits int) *big.Int {
	t.Helper()
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), uint(bits)))
	require.NoError(t, err)
	n.SetBit(n, bits-1, 1)
	return n.SetBit(n, 0, 1)
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// authority returns a template for a CA of an attacker.
func authority(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
}

// issue issues a certificate for a public key.
func issue(t *testing.T, template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	require.NoError(t, err)
	c, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return c
}

func toPEM(certificates ...*x509.Certificate) []byte {
	var text []byte
	for _, c := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}

func signerName() string { return ca.SignerName(trial.Region, trial.Domain) }

// chainAnswers returns chains of up to the maximum size that take long to parse or to verify.
func chainAnswers() []answer {
	served := func(name string, chain func(*testing.T, *trial.World) []byte) answer {
		return answer{name: "a chain of " + name, say: func(t *testing.T, w *trial.World) {
			w.Values[trial.ChainPath] = chain(t, w)
			require.LessOrEqual(t, len(w.Values[trial.ChainPath]), longestChain)
		}}
	}
	huge := func(t *testing.T) *rsa.PublicKey { return &rsa.PublicKey{N: modulus(t, 300_000), E: 1<<31 - 1} }
	return []answer{
		served("a signer with a huge key", func(t *testing.T, _ *trial.World) []byte {
			key := newKey(t)
			return toPEM(issue(t, authority(signerName()), authority("a"), huge(t), key))
		}),
		served("a signer below an issuer with a huge key", func(t *testing.T, w *trial.World) []byte {
			issuer := authority("huge")
			key := newKey(t)
			leaf := issue(t, authority(signerName()), issuer, w.Signer.Public(), key)
			return toPEM(leaf, issue(t, issuer, authority("a"), huge(t), key))
		}),
		served("as many certificates as fit", func(t *testing.T, _ *trial.World) []byte {
			key := newKey(t)
			one := toPEM(issue(t, authority("a"), authority("a"), key.Public(), key))
			return bytes.Repeat(one, longestChain/len(one))
		}),
		served("CAs that all cross-sign each other", func(t *testing.T, w *trial.World) []byte {
			key := newKey(t)
			same := authority("same")
			chain := []*x509.Certificate{issue(t, authority(signerName()), same, w.Signer.Public(), key)}
			for range 9 {
				chain = append(chain, issue(t, authority("same"), same, key.Public(), key))
			}
			return toPEM(chain...)
		}),
		served("names and constraints", func(t *testing.T, w *trial.World) []byte {
			key := newKey(t)
			issuer := authority("constrained")
			for i := range 600 {
				issuer.PermittedDNSDomains = append(issuer.PermittedDNSDomains, fmt.Sprintf("x%d.example", i))
			}
			leaf := authority(signerName())
			for i := range 600 {
				leaf.DNSNames = append(leaf.DNSNames, fmt.Sprintf("a.a.a.a.x%d.example", i))
			}
			return toPEM(issue(t, leaf, issuer, w.Signer.Public(), key), issue(t, issuer, issuer, key.Public(), key))
		}),
		served("a name of many parts", func(t *testing.T, _ *trial.World) []byte {
			key := newKey(t)
			template := authority(signerName())
			for range 1400 {
				template.Subject.OrganizationalUnit = append(template.Subject.OrganizationalUnit, "\u202e\x1b[2J")
			}
			return toPEM(issue(t, template, template, key.Public(), key))
		}),
		served("PEM lines without a certificate", func(*testing.T, *trial.World) []byte {
			return []byte(strings.Repeat("-----BEGIN CERTIFICATE-----\n", longestChain/28))
		}),
		served("one long line", func(*testing.T, *trial.World) []byte {
			return []byte("-----BEGIN CERTIFICATE-----\n" + strings.Repeat("A", longestChain-28))
		}),
	}
}

// stapleAnswers returns answers with 16 staples each, of up to the maximum size.
func stapleAnswers() []answer {
	sixteen := func(name string, der func(*testing.T, *trial.World) []byte) answer {
		return answer{name: "staples of " + name, say: func(t *testing.T, w *trial.World) {
			text := base64Text(der(t, w))
			require.LessOrEqual(t, len(text), longestStaple)
			var names []string
			for i := range 16 {
				names = append(names, fmt.Sprintf("%040X", i))
				w.Values[trial.StaplesPath+"/"+names[i]] = text
			}
			w.Values[trial.StaplesPath] = []byte(strings.Join(names, "\n"))
		}}
	}
	response := func(t *testing.T, template ocsp.Response) []byte {
		t.Helper()
		key := newKey(t)
		responder := issue(t, authority("responder"), authority("a"), key.Public(), key)
		template.SerialNumber, template.ThisUpdate, template.NextUpdate = big.NewInt(1), time.Now(), time.Now().Add(time.Hour)
		der, err := ocsp.CreateResponse(responder, responder, template, key)
		require.NoError(t, err)
		return der
	}
	return []answer{
		sixteen("a responder with a huge key", hugeResponder),
		sixteen("an extension", func(t *testing.T, _ *trial.World) []byte {
			return response(t, ocsp.Response{ExtraExtensions: []pkix.Extension{{Id: []int{2, 999, 1}, Value: noise(23_000)}}})
		}),
		sixteen("nested sequences", func(*testing.T, *trial.World) []byte {
			var der []byte
			for len(der) < 20_000 {
				var b cryptobyte.Builder
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(der) })
				der = b.BytesOrPanic()
			}
			return der
		}),
		sixteen("many elements", func(*testing.T, *trial.World) []byte {
			var b cryptobyte.Builder
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Repeat([]byte{5, 0}, 12_000)) })
			return b.BytesOrPanic()
		}),
		sixteen("noise", func(*testing.T, *trial.World) []byte { return noise(24_000) }),
		{name: "a list of as many names as fit", say: func(_ *testing.T, w *trial.World) {
			w.Values[trial.StaplesPath] = []byte(strings.Repeat("A\n", 2048))
		}},
		{name: "a list of staples with path traversal and control characters", say: func(_ *testing.T, w *trial.World) {
			w.Values[trial.StaplesPath] = []byte(strings.Repeat("../\x1b[2J\x00 ", 300))
		}},
	}
}

// hugeResponder returns a response that says good for the signer. The enclosed responder has
// an RSA key of 96,000 bits, and the signature has the same length.
func hugeResponder(t *testing.T, w *trial.World) []byte {
	t.Helper()
	const bits = 96_000
	key := newKey(t)
	responder := issue(t, authority("responder"), authority("a"), &rsa.PublicKey{N: modulus(t, bits), E: 1<<31 - 1}, key)
	block, _ := pem.Decode(w.Values[trial.ChainPath])
	signer, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	template := ocsp.Response{SerialNumber: signer.SerialNumber, ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour), Certificate: responder}
	der, err := ocsp.CreateResponse(signer, responder, template, forger{responder.PublicKey, bits / 8})
	require.NoError(t, err)
	return der
}

// forger is a crypto.Signer whose signatures are random octets.
type forger struct {
	public crypto.PublicKey
	length int
}

func (f forger) Public() crypto.PublicKey { return f.public }

func (f forger) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	signature := noise(f.length)
	signature[0] = 0 // so that the signature is less than the modulus
	return signature, nil
}
