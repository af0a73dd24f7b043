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

// number is an integer as an SSH key has it.
func number(n *big.Int) []byte {
	b := n.Bytes()
	if len(b) > 0 && b[0] >= 0x80 {
		b = append([]byte{0}, b...)
	}
	return b
}

// bits is the least integer of so many bits.
func bits(n int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(n-1)) }

func rsaLine(e, n *big.Int) []byte { return wireLine("ssh-rsa", number(e), number(n)) }

// dsaLine has a y that no key has: nobody looks at it.
func dsaLine(p, q, g *big.Int) []byte {
	return wireLine("ssh-dss", number(p), number(q), number(g), number(bits(1000)))
}

func TestTheGreatestAndTheLeastKeysCount(t *testing.T) {
	largest := new(big.Int).Sub(bits(1025), big.NewInt(1))
	for name, line := range map[string][]byte{
		"the largest RSA modulus":   rsaLine(big.NewInt(65537), bits(16384)),
		"the least RSA exponent":    rsaLine(big.NewInt(3), bits(2048)),
		"the largest RSA exponent":  rsaLine(big.NewInt(1<<24-1), bits(2048)),
		"a DSA key":                 dsaLine(largest, bits(160), new(big.Int).Sub(largest, big.NewInt(1))),
		"an application of no name": wireLine("sk-ssh-ed25519@openssh.com", make([]byte, 32), nil),
	} {
		t.Run(name, func(t *testing.T) {
			kind, blob, err := parseKey(line)
			require.NoError(t, err)
			public, err := ssh.ParsePublicKey(blob)
			require.NoError(t, err, "x/crypto/ssh must take it too")
			require.Equal(t, public.Type(), kind)
			require.Equal(t, ssh.FingerprintSHA256(public), fingerprint(blob, ""))
			require.Equal(t, "MD5:"+ssh.FingerprintLegacyMD5(public), fingerprint(blob, "MD5:"))
		})
	}
}

func TestAMalformedKeyIsRefused(t *testing.T) {
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
		"an RSA modulus of 16,385 bits": {rsaLine(big.NewInt(3), bits(16385)), "the modulus has 16385 bits"},
		"an RSA exponent of 25 bits":    {rsaLine(big.NewInt(1<<24+1), bits(2048)), "exponent"},
		"an even RSA exponent":          {rsaLine(big.NewInt(4), bits(2048)), "exponent"},
		"an RSA exponent of 1":          {rsaLine(big.NewInt(1), bits(2048)), "exponent"},
		"an RSA key without a modulus":  {wireLine("ssh-rsa", []byte{3}), "cut short"},
		"an RSA modulus of 0":           {rsaLine(big.NewInt(3), new(big.Int)), "a number is not above zero"},
		"a 0 written as an octet":       {wireLine("ssh-rsa", []byte{3}, []byte{0}), "a number is not above zero"},
		"a negative RSA exponent":       {wireLine("ssh-rsa", []byte{0x81}, number(bits(2048))), "a number is not above zero"},
		"the least negative exponent":   {wireLine("ssh-rsa", []byte{0x80}, number(bits(2048))), "a number is not above zero"},
		"a DSA modulus of 1,023 bits":   {dsaLine(bits(1023), bits(160), big.NewInt(2)), "DSA key of 1024 bits"},
		"a DSA modulus of 1,025 bits":   {dsaLine(bits(1025), bits(160), big.NewInt(2)), "DSA key of 1024 bits"},
		"a DSA sub-prime of 161 bits":   {dsaLine(bits(1024), bits(161), big.NewInt(2)), "DSA key of 1024 bits"},
		"a DSA generator of p":          {dsaLine(bits(1024), bits(160), bits(1024)), "DSA key of 1024 bits"},
		"an Ed25519 key of 31 bytes":    {wireLine("ssh-ed25519", make([]byte, 31)), "the key has 31 bytes, expected 32"},
		"an Ed25519 key of 33 bytes":    {wireLine("ssh-ed25519", make([]byte, 33)), "the key has 33 bytes, expected 32"},
		"a point off the curve":         {wireLine("ecdsa-sha2-nistp256", []byte("nistp256"), off), "not a point"},
		"a compressed point":            {wireLine("ecdsa-sha2-nistp256", []byte("nistp256"), compressed), "not a point"},
		"the point at infinity":         {wireLine("ecdsa-sha2-nistp256", []byte("nistp256"), []byte{0}), "not a point"},
		"another curve's name":          {wireLine("ecdsa-sha2-nistp256", []byte("nistp384"), p256), `the curve is "nistp384"`},
		"another curve's point":         {wireLine("ecdsa-sha2-nistp384", []byte("nistp384"), p256), "not a point"},
		"a token's key of no use":       {wireLine("sk-ssh-ed25519@openssh.com", make([]byte, 32)), "cut short"},
		"a field too many":              {wireLine("ssh-ed25519", make([]byte, 32), nil), "4 bytes follow the key"},
		"a length past the end":         {[]byte("ssh-ed25519 " + base64.StdEncoding.EncodeToString([]byte{0xff, 0xff, 0xff, 0xff})), "cut short"},
		"a length cut short":            {[]byte("ssh-ed25519 " + base64.StdEncoding.EncodeToString([]byte{0, 0, 0})), "cut short"},
		"another type in it": {append([]byte("ssh-rsa"), wireLine("ssh-ed25519", make([]byte, 32))[len("ssh-ed25519"):]...),
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

// FuzzParseKey holds that golang.org/x/crypto/ssh takes every key that parseKey takes,
// and that both mean the same key.
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
