package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"sync"
)

// Kind is a type and size of key pairs.
type Kind string

// The kinds of keys. AWS uses RSA2048; the others are for certificates that must be
// refused.
const (
	RSA2048 Kind = "RSA 2048"
	RSA1024 Kind = "RSA 1024"
	P256    Kind = "ECDSA P-256"
	Ed25519 Kind = "Ed25519"
)

// Key names one key pair of a pool.
type Key struct {
	Owner Role
	Kind  Kind
}

// Keys is a pool of key pairs and the two roots made with them. Each key is generated
// when it is first needed. Generating RSA keys takes most of the time for building a PKI,
// so a process that builds many PKIs shares one pool; they then share their roots too.
// The zero value is an empty pool. A pool is safe for concurrent use.
type Keys struct {
	mu      sync.Mutex
	made    map[Key]crypto.Signer
	anchors *Anchors
}

// get returns the key pair k. It generates the pair at the first call.
func (ks *Keys) get(k Key) (crypto.Signer, error) {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if key, ok := ks.made[k]; ok {
		return key, nil
	}
	key, err := generate(k.Kind)
	if err != nil {
		return nil, fmt.Errorf("making the %s key of %s: %w", k.Kind, k.Owner, err)
	}
	if ks.made == nil {
		ks.made = make(map[Key]crypto.Signer)
	}
	ks.made[k] = key
	return key, nil
}

func generate(kind Kind) (crypto.Signer, error) {
	switch kind {
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case RSA1024:
		return rsa.GenerateKey(rand.Reader, 1024)
	case P256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return nil, fmt.Errorf("unknown kind of key %q", kind)
}
