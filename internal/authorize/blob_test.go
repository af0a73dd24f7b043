package authorize

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// number returns the mpint form of an integer, without its length (RFC 4251, section 5).
func number(n *big.Int) []byte {
	b := n.Bytes()
	if len(b) > 0 && b[0] >= 0x80 {
		b = append([]byte{0}, b...)
	}
	return b
}

// bits returns the smallest integer of n bits.
func bits(n int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(n-1)) }

func rsaLine(e, n *big.Int) []byte { return wireLine("ssh-rsa", number(e), number(n)) }

// dsaLine returns a DSA key with an arbitrary y, which is never checked.
func dsaLine(p, q, g *big.Int) []byte {
	return wireLine("ssh-dss", number(p), number(q), number(g), number(bits(1000)))
}

func TestKeysAtTheBoundsAreAccepted(t *testing.T) {
	largest := new(big.Int).Sub(bits(1025), big.NewInt(1))
	for name, line := range map[string][]byte{
		"largest RSA modulus":                    rsaLine(big.NewInt(65537), bits(16384)),
		"smallest RSA exponent":                  rsaLine(big.NewInt(3), bits(2048)),
		"largest RSA exponent":                   rsaLine(big.NewInt(1<<24-1), bits(2048)),
		"largest DSA parameters":                 dsaLine(largest, bits(160), new(big.Int).Sub(largest, big.NewInt(1))),
		"security key with an empty application": wireLine("sk-ssh-ed25519@openssh.com", make([]byte, 32), nil),
	} {
		t.Run(name, func(t *testing.T) {
			kind, blob, err := parseKey(line)
			require.NoError(t, err)
			public, err := ssh.ParsePublicKey(blob)
			require.NoError(t, err, "x/crypto/ssh must accept it too")
			require.Equal(t, public.Type(), kind)
			require.Equal(t, ssh.FingerprintSHA256(public), fingerprint(blob, ""))
			require.Equal(t, "MD5:"+ssh.FingerprintLegacyMD5(public), fingerprint(blob, "MD5:"))
		})
	}
}

func TestMalformedKeysAreRefused(t *testing.T) {
	point := func(curve ecdh.Curve) []byte {
		key, err := curve.GenerateKey(rand.Reader)
		require.NoError(t, err)
		return key.PublicKey().Bytes()
	}
	p256 := point(ecdh.P256())
	off := bytes.Clone(p256)
	off[len(off)-1] ^= 1
	compressed := append([]byte{2 | p256[64]&1}, p256[1:33]...)
	for name, c := range map[string]struct {
		line []byte
		want string
	}{
		"RSA modulus of 16,385 bits":            {rsaLine(big.NewInt(3), bits(16385)), "the modulus has 16385 bits"},
		"RSA exponent of 25 bits":               {rsaLine(big.NewInt(1<<24+1), bits(2048)), "exponent"},
		"even RSA exponent":                     {rsaLine(big.NewInt(4), bits(2048)), "exponent"},
		"RSA exponent of 1":                     {rsaLine(big.NewInt(1), bits(2048)), "exponent"},
		"RSA key without a modulus":             {wireLine("ssh-rsa", []byte{3}), "cut short"},
		"RSA modulus of 0":                      {rsaLine(big.NewInt(3), new(big.Int)), "a number is not above zero"},
		"RSA modulus of 0, written as one byte": {wireLine("ssh-rsa", []byte{3}, []byte{0}), "a number is not above zero"},
		"negative RSA exponent":                 {wireLine("ssh-rsa", []byte{0x81}, number(bits(2048))), "a number is not above zero"},
		"RSA exponent of -128":                  {wireLine("ssh-rsa", []byte{0x80}, number(bits(2048))), "a number is not above zero"},
		"DSA modulus of 1,023 bits":             {dsaLine(bits(1023), bits(160), big.NewInt(2)), "DSA key of 1024 bits"},
		"DSA modulus of 1,025 bits":             {dsaLine(bits(1025), bits(160), big.NewInt(2)), "DSA key of 1024 bits"},
		"DSA subprime of 161 bits":              {dsaLine(bits(1024), bits(161), big.NewInt(2)), "DSA key of 1024 bits"},
		"DSA generator equal to the modulus":    {dsaLine(bits(1024), bits(160), bits(1024)), "DSA key of 1024 bits"},
		"Ed25519 key of 31 bytes":               {wireLine("ssh-ed25519", make([]byte, 31)), "the key has 31 bytes, expected 32"},
		"Ed25519 key of 33 bytes":               {wireLine("ssh-ed25519", make([]byte, 33)), "the key has 33 bytes, expected 32"},
		"point not on the curve":                {wireLine("ecdsa-sha2-nistp256", []byte("nistp256"), off), "not a point"},
		"compressed point":                      {wireLine("ecdsa-sha2-nistp256", []byte("nistp256"), compressed), "not a point"},
		"point at infinity":                     {wireLine("ecdsa-sha2-nistp256", []byte("nistp256"), []byte{0}), "not a point"},
		"name of another curve":                 {wireLine("ecdsa-sha2-nistp256", []byte("nistp384"), p256), `the curve is "nistp384"`},
		"point of another curve":                {wireLine("ecdsa-sha2-nistp384", []byte("nistp384"), p256), "not a point"},
		"security key without an application":   {wireLine("sk-ssh-ed25519@openssh.com", make([]byte, 32)), "cut short"},
		"extra field":                           {wireLine("ssh-ed25519", make([]byte, 32), nil), "4 bytes follow the key"},
		"length beyond the end":                 {[]byte("ssh-ed25519 " + base64.StdEncoding.EncodeToString([]byte{0xff, 0xff, 0xff, 0xff})), "cut short"},
		"truncated length":                      {[]byte("ssh-ed25519 " + base64.StdEncoding.EncodeToString([]byte{0, 0, 0})), "cut short"},
		"type in the blob differs from the line's": {append([]byte("ssh-rsa"), wireLine("ssh-ed25519", make([]byte, 32))[len("ssh-ed25519"):]...),
			`its blob has the type "ssh-ed25519"`},
	} {
		t.Run(name, func(t *testing.T) {
			kind, blob, err := parseKey(c.line)
			require.ErrorContains(t, err, c.want)
			require.Empty(t, kind)
			require.Empty(t, blob)
		})
	}
}

// FuzzParseKey checks that golang.org/x/crypto/ssh accepts every key that parseKey
// accepts, and reads the same key.
func FuzzParseKey(f *testing.F) {
	f.Add(lineOf(ed25519Key()))
	f.Add(rsaLine(big.NewInt(65537), bits(2048)))
	f.Add(dsaLine(bits(1024), bits(160), big.NewInt(2)))
	f.Add(skLine("sk-ssh-ed25519@openssh.com", make([]byte, 32)))
	for name, curve := range map[string]ecdh.Curve{"nistp256": ecdh.P256(), "nistp384": ecdh.P384(), "nistp521": ecdh.P521()} {
		key, err := curve.GenerateKey(rand.Reader)
		require.NoError(f, err)
		point := key.PublicKey().Bytes()
		f.Add(wireLine("ecdsa-sha2-"+name, []byte(name), point))
		f.Add(skLine("sk-ecdsa-sha2-"+name+"@openssh.com", []byte(name), point))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		kind, blob, err := parseKey(line)
		if err != nil {
			return
		}
		public, err := ssh.ParsePublicKey(blob)
		require.NoError(t, err)
		require.Equal(t, public.Type(), kind)
		require.Equal(t, public.Marshal(), blob)
		require.NotContains(t, kind, "-cert-")
		require.True(t, strings.HasPrefix(string(line), kind))
		require.Equal(t, ssh.FingerprintSHA256(public), fingerprint(blob, "SHA256:"))
	})
}
