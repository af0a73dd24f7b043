package sim

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// foreignKey is an Ed25519 key that was not pushed.
const foreignKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE1hbGxvcnkncyBrZXksIHdoaWNoIG5vYm9keSBwdXNo mallory"

// anyKey returns a new Ed25519 key whose private half does not exist.
func anyKey() (string, error) {
	key, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	return publicLine(key)
}

func rsaKey() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	return publicLine(key.Public())
}

func ecdsaKey() (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	return publicLine(key.Public())
}

// skEd25519Key and skECDSAKey return keys in the formats of OpenSSH's PROTOCOL.u2f.
func skEd25519Key() (string, error) {
	key, _, err := ed25519.GenerateKey(rand.Reader)
	return wireLine(ssh.KeyAlgoSKED25519, struct {
		Type        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, key, "ssh:"}), err
}

func skECDSAKey() (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	point, err := key.PublicKey.Bytes()
	return wireLine(ssh.KeyAlgoSKECDSA256, struct {
		Type, Curve string
		Point       []byte
		Application string
	}{ssh.KeyAlgoSKECDSA256, "nistp256", point, "ssh:"}), err
}

// certified returns the line of an SSH certificate for the key of a line.
func certified(line string) (string, error) {
	subject, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return "", fmt.Errorf("reading the key to certify: %w", err)
	}
	_, authority, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	signer, err := ssh.NewSignerFromKey(authority)
	if err != nil {
		return "", err
	}
	cert := &ssh.Certificate{Key: subject, CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, signer); err != nil {
		return "", err
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(cert))), nil
}

func publicLine(key crypto.PublicKey) (string, error) {
	public, err := ssh.NewPublicKey(key)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))), nil
}

// wireLine returns the line of a key, given the fields of its wire format.
func wireLine(kind string, fields any) string {
	return kind + " " + base64.StdEncoding.EncodeToString(ssh.Marshal(fields))
}
