package trust

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A value at a bound is accepted, and one beyond it is refused.
func TestBoundsOfKeySizes(t *testing.T) {
	for bits, want := range map[uint]bool{minRSA - 1: false, minRSA: true, maxRSA: true, maxRSA + 1: false} {
		c := &x509.Certificate{PublicKey: &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: 65537}}
		require.Equal(t, want, usableKey(c), "%d bits", bits)
		require.Equal(t, want, checkSignerKey(c) == nil, "%d bits", bits)
	}
	for curve, want := range map[elliptic.Curve]bool{elliptic.P224(): false, elliptic.P256(): true, elliptic.P521(): true} {
		c := &x509.Certificate{PublicKey: &ecdsa.PublicKey{Curve: curve}}
		require.Equal(t, want, usableKey(c), curve.Params().Name)
		require.Error(t, checkSignerKey(c))
	}
	require.False(t, usableKey(&x509.Certificate{PublicKey: ed25519.PublicKey{}}))
}

func TestBoundOfChainLength(t *testing.T) {
	one := toPEM(amazonRoots()[0])
	certificates, err := ParseChain(bytes.Repeat(one, maxChain))
	require.NoError(t, err)
	require.Len(t, certificates, maxChain)
	_, err = ParseChain(bytes.Repeat(one, maxChain+1))
	require.ErrorContains(t, err, "11 certificates, expected at most 10")
}

func TestBoundsOfNameLengths(t *testing.T) {
	region := strings.Repeat("a", maxRegion-len("-b-1")) + "-b-1"
	require.True(t, ValidRegion(region))
	require.False(t, ValidRegion("a"+region))

	zone := "us-east-1-" + strings.Repeat("a", 2*maxRegion-len("us-east-1-"))
	_, ok := RegionOfZone(zone)
	require.True(t, ok)
	_, ok = RegionOfZone(zone + "a")
	require.False(t, ok)

	label := strings.Repeat("a", 63)
	require.True(t, ValidDomain(label+".b"))
	require.False(t, ValidDomain("a"+label+".b"))
	domain := label + "." + label + "." + label + "." + label[:61]
	require.Len(t, domain, 253)
	require.True(t, ValidDomain(domain))
	require.False(t, ValidDomain(domain+"a"))
	require.True(t, ValidDomain("a-0.9z"))
}

// Files of trust anchors are edited by hand.
func TestParseAnchors(t *testing.T) {
	good := toPEM(amazonRoots()[0])
	block := func(b pem.Block) []byte { return pem.EncodeToMemory(&b) }
	withHeaders := block(pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"A": "b"}, Bytes: amazonRoots()[0].Raw})
	for name, test := range map[string]struct{ text, reason string }{
		"one certificate is accepted":          {string(good), ""},
		"text between certificates is ignored": {"# one\n" + string(good) + "# two\n" + string(toPEM(amazonRoots()[1])) + "# end\n", ""},
		"no certificate":                       {"# nothing\n", "no certificate"},
		"malformed certificate":                {string(good) + string(unreadable()), "parsing certificate 2"},
		"public key":                           {string(good) + string(block(pem.Block{Type: "PUBLIC KEY", Bytes: []byte{1}})), "PEM block 2"},
		"certificate with PEM headers":         {string(withHeaders), "PEM block 1"},
		"truncated certificate before another": {string(good) + string(good[:40]) + "\n" + string(good), "before block 2"},
		"truncated certificate at the end":     {string(good) + string(good[:40]), "malformed or cut short"},
		"only a truncated certificate":         {string(good[:40]), "malformed or cut short"},
	} {
		t.Run(name, func(t *testing.T) {
			pool, err := ParseAnchors([]byte(test.text))
			if test.reason == "" {
				require.NoError(t, err)
				_, err = amazonRoots()[0].Verify(x509.VerifyOptions{Roots: pool})
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.reason)
			require.Nil(t, pool)
		})
	}
}

// Each rule must hold without crypto/x509, whose next version may no longer have it.
func TestProfileRulesHoldWithoutTheLibrary(t *testing.T) {
	w := newWorld()
	w.build(t)
	for name, test := range map[string]struct {
		change func(*x509.Certificate)
		reason string
	}{
		"version 2":            {func(c *x509.Certificate) { c.Version = 2 }, "version 2"},
		"no issuer name":       {func(c *x509.Certificate) { c.RawIssuer = emptyName }, "no issuer name"},
		"no subject":           {func(c *x509.Certificate) { c.RawSubject = emptyName }, "neither a subject"},
		"no basic constraints": {func(c *x509.Certificate) { c.BasicConstraintsValid = false }, "no critical basic constraints"},
		"basic constraints say that it is not a CA": {func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, 0 }, "no critical basic constraints"},
		"basic constraints are not critical":        {marked(oidBasicConstraints, false), "no critical basic constraints"},
		"subject key identifier is critical":        {marked(oidSubjectKeyID, true), "key identifier is marked critical"},
		"authority key identifier is critical":      {marked(oidAuthorityKeyID, true), "key identifier is marked critical"},
		"key usage lacks keyCertSign":               {func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }, "key usage does not allow"},
		"no subject key identifier":                 {func(c *x509.Certificate) { c.SubjectKeyId = nil }, "no subject key identifier"},
		"no authority key identifier":               {func(c *x509.Certificate) { c.AuthorityKeyId = nil }, "no authority key identifier"},
		"unsupported key":                           {func(c *x509.Certificate) { c.PublicKey = ed25519.PublicKey{} }, "weak"},
		"key usage has keyCertSign without a CA": {func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = false, false },
			"without being a certificate authority"},
	} {
		t.Run(name, func(t *testing.T) {
			c := *w.middle.cert
			test.change(&c)
			err := checkCertificate(&c, w.root.cert)
			if err == nil {
				err = checkAuthority(&c)
			}
			require.ErrorContains(t, err, test.reason)
		})
	}
	require.NoError(t, checkCertificate(w.middle.cert, w.root.cert))
	require.NoError(t, checkAuthority(w.middle.cert))
	noSubject := *w.middle.cert
	noSubject.RawSubject = emptyName
	require.ErrorContains(t, checkAuthority(&noSubject), "no subject")
}

// marked returns a change that marks an extension of a certificate as critical or not.
func marked(id asn1.ObjectIdentifier, critical bool) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		changed := make([]pkix.Extension, len(c.Extensions))
		for i, e := range c.Extensions {
			if e.Id.Equal(id) {
				e.Critical = critical
			}
			changed[i] = e
		}
		c.Extensions = changed
	}
}

// RFC 5280 has nine types of alternative names, some of which are constructed. Any other
// type or form is refused.
func TestTypesOfAlternativeNames(t *testing.T) {
	for tag := range byte(10) {
		for _, constructed := range []bool{false, true} {
			first := 0x80 | tag
			if constructed {
				first |= 0x20
			}
			want := tag <= 8 && constructed == (tag == 0 || tag == 3 || tag == 4 || tag == 5)
			value := []byte{0x30, 4, first, 2, 5, 0}
			err := checkAlternativeNames(&x509.Certificate{Extensions: []pkix.Extension{{Id: oidSubjectAltName, Value: value}}})
			require.Equal(t, want, err == nil, "type %d, constructed %t: %v", tag, constructed, err)
		}
	}
	universal := []byte{0x30, 3, 0x02, 1, 1}
	require.Error(t, checkAlternativeNames(&x509.Certificate{Extensions: []pkix.Extension{{Id: oidSubjectAltName, Value: universal}}}))
}

// A constraint of a type that crypto/x509 ignores is refused.
func TestTypesOfNameConstraints(t *testing.T) {
	for tag := range byte(9) {
		for _, list := range []byte{0xA0, 0xA1} {
			value := []byte{0x30, 6, list, 4, 0x30, 2, 0x80 | tag, 0}
			err := checkConstraintKinds(&x509.Certificate{Extensions: []pkix.Extension{{Id: oidNameConstraints, Value: value}}})
			require.Equal(t, tag == 1 || tag == 2 || tag == 6 || tag == 7, err == nil, "type %d: %v", tag, err)
		}
	}
}

func TestWithinDomain(t *testing.T) {
	for _, test := range []struct {
		name, domain string
		want         bool
	}{
		{"a.example.com", "example.com", true},
		{"A.Example.com", "eXample.COM", true},
		{"example.com", "example.com", true},
		{"a.example.com", "", true},
		{"a.example.com", ".example.com", true},
		{"example.com", ".example.com", false},
		{"aexample.com", "example.com", false},
		{"example.com", "a.example.com", false},
		{"example.com.evil", "example.com", false},
	} {
		require.Equal(t, test.want, withinDomain(test.name, test.domain), "%q in %q", test.name, test.domain)
	}
}

// A ResponderID is a name or a key hash (RFC 6960).
func TestValidResponderID(t *testing.T) {
	name, hash := nameOf(asn1.TagUTF8String, "middle"), append([]byte{4, 20}, make([]byte, 20)...)
	id := func(class, tag int, compound bool, content []byte) asn1.RawValue {
		return asn1.RawValue{Class: class, Tag: tag, IsCompound: compound, Bytes: content}
	}
	require.True(t, validResponder(id(asn1.ClassContextSpecific, byName, true, name)))
	require.True(t, validResponder(id(asn1.ClassContextSpecific, byKey, true, hash)))
	for what, r := range map[string]asn1.RawValue{
		"name with another tag class": id(asn1.ClassApplication, byName, true, name),
		"primitive name":              id(asn1.ClassContextSpecific, byName, false, name),
		"trailing data after a name":  id(asn1.ClassContextSpecific, byName, true, append(bytes.Clone(name), 5, 0)),
		"trailing data after a hash":  id(asn1.ClassContextSpecific, byKey, true, append(bytes.Clone(hash), 5, 0)),
		"hash in place of a name":     id(asn1.ClassContextSpecific, byName, true, hash),
		"name in place of a hash":     id(asn1.ClassContextSpecific, byKey, true, name),
		"tag 0":                       id(asn1.ClassContextSpecific, 0, true, name),
		"tag 3":                       id(asn1.ClassContextSpecific, 3, true, hash),
		"empty":                       id(asn1.ClassContextSpecific, byName, true, nil),
	} {
		require.False(t, validResponder(r), what)
	}
}

// Truncated DER must be refused without reading beyond its end.
func TestTruncatedDER(t *testing.T) {
	for _, der := range [][]byte{nil, {0x30, 0}, {4, 2, 0x30, 0}, {0x30, 2, 5, 0}} {
		_, err := firstElement(der)
		require.Error(t, err, "% x", der)
	}
	for _, der := range [][]byte{nil, {0x30, 0}, {4, 0}, {0x30, 4, 5, 0, 3, 0}, {0x30, 2, 0x30, 0}, {0x30, 5, 4, 0, 3, 1, 0}} {
		_, err := publicKeyBits(&x509.Certificate{RawSubjectPublicKeyInfo: der})
		require.ErrorContains(t, err, "reading the public key", "% x", der)
	}
	for _, der := range [][]byte{{good, 1, 0}, {unknown, 1, 0}, {0xA2, 0}, {revoked, 0}, {revoked, 2, 24, 0}} {
		require.Error(t, new(single).readStatus(der), "% x", der)
	}
}

// Two names are equal if their bytes are, or if both can be parsed and their attributes
// are equal.
func TestSameName(t *testing.T) {
	name, universal := nameOf(asn1.TagUTF8String, "middle"), nameOf(28, "middle")
	require.True(t, sameName(name, nameOf(asn1.TagPrintableString, "middle")))
	require.True(t, sameName(universal, universal))
	require.True(t, sameName(emptyName, emptyName))
	for what, other := range map[string][]byte{
		"another name":            nameOf(asn1.TagUTF8String, "Middle"),
		"trailing data":           append(bytes.Clone(name), 5, 0),
		"a UniversalString":       universal,
		"no attributes":           emptyName,
		"NULL in place of a name": {5, 0},
		"another UniversalString": nameOf(28, "middlf"),
	} {
		require.False(t, sameName(name, other), what)
		require.False(t, sameName(other, name), what)
	}
	require.False(t, sameName(universal, nameOf(28, "middlf")))
	require.False(t, sameName([]byte{5, 0}, emptyName))
}

// If the root issued the signer, only the signer needs a staple.
func TestSignerIssuedByTheAnchor(t *testing.T) {
	w := newWorld()
	w.middle = w.root
	w.root.issuedBy(t, w.root)
	w.signer.issuedBy(t, w.root)
	w.anchors = x509.NewCertPool()
	w.anchors.AddCert(w.root.cert)
	w.evidence = SignerEvidence{Chain: toPEM(w.signer.cert), Staples: []Staple{staplesFor(t, w.signerStaple, w.signer, w.root, w.root)}}
	signer, err := w.verify()
	require.NoError(t, err)
	require.Len(t, signer.Statuses, 1)
	w.evidence.Staples = nil
	_, err = w.verify()
	require.ErrorContains(t, err, "none of 0 staples")
}

func TestSignerThatIsAnAnchorIsRefused(t *testing.T) {
	w := newWorld()
	w.build(t)
	w.anchors = x509.NewCertPool()
	w.anchors.AddCert(w.signer.cert)
	_, err := w.verify()
	require.ErrorContains(t, err, "itself a trust anchor")
}

// The error is about the shortest path, whichever path crypto/x509 finds first.
func TestShortestPathIsTriedFirst(t *testing.T) {
	w := newWorld()
	w.build(t)
	between, twin := newAuthority("between"), newAuthority("middle")
	twin.key = w.middle.key
	between.issuedBy(t, w.root)
	twin.issuedBy(t, between)
	for _, issuers := range [][]*x509.Certificate{{twin.cert, between.cert, w.middle.cert}, {w.middle.cert, between.cert, twin.cert}} {
		paths, err := findPaths(w.signer.cert, issuers, w.anchors, now)
		require.NoError(t, err)
		require.Len(t, paths, 2)
		require.Len(t, paths[0], 3)
		require.Len(t, paths[1], 4)
	}
}

func TestEarlier(t *testing.T) {
	require.Equal(t, now, earlier(now, now.Add(time.Second)))
	require.Equal(t, now, earlier(now.Add(time.Second), now))
}
