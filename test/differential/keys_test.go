package differential

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"strings"

	"golang.org/x/crypto/ssh"
)

// keys are the key pairs that all generated evidence uses, since generating RSA keys is
// slow. They are the same in every run.
type keys struct {
	rsa2048, rsa3072 []*rsa.PrivateKey
	rsa1024          *rsa.PrivateKey
	p256, p384       []*ecdsa.PrivateKey
	p224             *ecdsa.PrivateKey
	ed25519          ed25519.PrivateKey
}

func newKeys() *keys {
	k := &keys{rsa1024: newRSA(1024), p224: newEC(elliptic.P224())}
	for range 4 {
		k.rsa2048 = append(k.rsa2048, newRSA(2048))
		k.p384 = append(k.p384, newEC(elliptic.P384()))
	}
	for range 12 {
		k.p256 = append(k.p256, newEC(elliptic.P256()))
	}
	k.rsa3072 = []*rsa.PrivateKey{newRSA(3072)}
	_, k.ed25519 = newEd25519()
	return k
}

// signer picks a key for the signer, authority one for a CA, and small one for any other
// certificate.
func (k *keys) signer(p *plan) crypto.Signer {
	if p.IntN(16) == 0 {
		return k.rsa3072[0]
	}
	return pick(p, k.rsa2048...)
}

func (k *keys) authority(p *plan) crypto.Signer {
	switch p.IntN(8) {
	case 0:
		return pick(p, k.rsa2048...)
	case 1:
		return pick(p, k.p384...)
	default:
		return pick(p, k.p256...)
	}
}

func (k *keys) small(p *plan) crypto.Signer { return pick(p, k.p256...) }

// line returns the line of a new SSH key.
func (k *keys) line() string {
	public, _ := newEd25519()
	return sshLine(public)
}

func sshLine(public crypto.PublicKey) string {
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " key"
}

func newRSA(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func newEC(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func newEd25519() (ed25519.PublicKey, ed25519.PrivateKey) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return public, private
}
