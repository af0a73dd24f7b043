package trust

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"
)

func encodeBase64(der []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(der)) }

func TestValidRegion(t *testing.T) {
	for _, region := range []string{"us-east-1", "us-gov-west-1", "us-isob-east-1", "eusc-de-east-1", "ap-southeast-12", "mx-central-1"} {
		require.True(t, ValidRegion(region), region)
	}
	for _, region := range []string{"", "us-east", "us-east-1a", "US-EAST-1", "us-east-1\n", "us-east-1.evil.example", "us--1", "-us-1", "us-east-", "us-east-123",
		"../us-east-1", "us_east_1", "us-east-１", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa-b-1"} {
		require.False(t, ValidRegion(region), "%q", region)
	}
}

func TestRegionOfZone(t *testing.T) {
	for zone, want := range map[string]string{
		"us-east-1a":              "us-east-1",
		"us-gov-west-1b":          "us-gov-west-1",
		"us-west-2-lax-1a":        "us-west-2",
		"us-east-1-wl1-bos-wlz-1": "us-east-1",
		"us-west-2-lax-1b":        "us-west-2",
		"eusc-de-east-1a":         "eusc-de-east-1",
	} {
		region, ok := RegionOfZone(zone)
		require.True(t, ok, zone)
		require.Equal(t, want, region)
	}
	for _, zone := range []string{"", "a", "us-east-a", "us-east-1.evil", "us-east-1A", "us-1a", "us-east-123a", "us-east-1a\n", "us-east-1a/../.."} {
		_, ok := RegionOfZone(zone)
		require.False(t, ok, "%q", zone)
	}
}

func TestValidDomain(t *testing.T) {
	for _, domain := range Domains() {
		require.True(t, ValidDomain(domain), domain)
	}
	for _, domain := range []string{"", "com", ".com", "a..b", "a.b.", "-a.b", "a-.b", "A.b", "a.b\n", "a b.c", "*.b.c", "a/b.c"} {
		require.False(t, ValidDomain(domain), "%q", domain)
	}
}

// The built-in roots must be byte for byte the certificates that Debian trusts.
func TestBuiltInRootsAreThoseOfTheDistribution(t *testing.T) {
	for _, name := range []string{"Amazon_Root_CA_1", "Amazon_Root_CA_2", "Amazon_Root_CA_3", "Amazon_Root_CA_4",
		"Starfield_Services_Root_Certificate_Authority_-_G2"} {
		text, err := os.ReadFile(filepath.Join("/usr/share/ca-certificates/mozilla", name+".crt"))
		require.NoError(t, err, "the package ca-certificates must be installed")
		block, _ := pem.Decode(text)
		require.NotNil(t, block)
		found := false
		for _, c := range amazonRoots() {
			found = found || sha256.Sum256(c.Raw) == sha256.Sum256(block.Bytes)
		}
		require.True(t, found, name)
	}
	require.Len(t, amazonRoots(), 5)
}

// The strict encoding rules must not refuse a certificate of a real CA.
func TestBundleOfTheDistributionIsCanonical(t *testing.T) {
	text, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	require.NoError(t, err, "the package ca-certificates must be installed")
	certificates, err := parseCertificates(text)
	require.NoError(t, err)
	require.Greater(t, len(certificates), 100)
	for _, c := range certificates {
		_, err := readCanonical[certificate](c.Raw)
		require.NoError(t, err, describe(c))
	}
}

func FuzzParseChain(f *testing.F) {
	for _, c := range amazonRoots() {
		f.Add(toPEM(c))
	}
	f.Add(append([]byte("text\n"), toPEM(amazonRoots()...)...))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		certificates, err := ParseChain(text)
		if err != nil {
			require.Nil(t, certificates)
			return
		}
		again, err := ParseChain(toPEM(certificates...))
		require.NoError(t, err)
		require.Len(t, again, len(certificates))
		for i, c := range certificates {
			require.True(t, bytes.Equal(c.Raw, again[i].Raw))
		}
	})
}

func FuzzParseStaple(f *testing.F) {
	w := newWorld()
	w.responder = newResponder()
	w.build(&testing.T{})
	for _, s := range w.evidence.Staples {
		f.Add(s.Body)
	}
	f.Add([]byte("MAMKAQM="))
	f.Fuzz(func(t *testing.T, body []byte) {
		ours, err := parseStaple(body)
		if err != nil {
			require.Nil(t, ours)
			return
		}
		der, err := decodeBase64(body)
		require.NoError(t, err)
		require.True(t, bytes.Contains(der, ours.signed), "the signed bytes are not part of the response")
		theirs, err := ocsp.ParseResponse(der, nil)
		if err != nil {
			// The ocsp package reads the first enclosed certificate and verifies its
			// signature too. It accepts exactly one status, without a critical extension
			// and with a known hash.
			outer, err := readCanonical[ocspResponse](der)
			require.NoError(t, err)
			basic, err := readCanonical[basicResponse](outer.Bytes.Basic)
			require.NoError(t, err)
			require.True(t, len(basic.Certificates.FullBytes) != 0 || len(ours.statuses) != 1 || ours.statuses[0].err != nil)
			return
		}
		require.Equal(t, theirs.TBSResponseData, ours.signed)
		require.Equal(t, theirs.Signature, ours.signature)
		require.Equal(t, theirs.SignatureAlgorithm, ours.algorithm)
		require.Len(t, ours.statuses, 1)
		status := ours.statuses[0]
		require.Equal(t, theirs.SerialNumber, status.id.Serial)
		require.Equal(t, theirs.IssuerHash, status.hash)
		if theirs.Certificate != nil {
			require.Equal(t, theirs.Certificate, ours.enclosed[0])
		}
		require.Equal(t, map[byte]int{good: ocsp.Good, revoked: ocsp.Revoked, unknown: ocsp.Unknown}[status.status], theirs.Status)
		require.Equal(t, []time.Time{theirs.ThisUpdate, theirs.NextUpdate, theirs.RevokedAt}, []time.Time{status.thisUpdate, status.nextUpdate, status.revokedAt})
	})
}

func TestEveryPartitionHasADomain(t *testing.T) {
	var domains []string
	for _, partition := range Partitions() {
		domains = append(domains, PartitionDomain(partition))
	}
	slices.Sort(domains)
	require.Equal(t, slices.Sorted(slices.Values(Domains())), slices.Compact(domains))
	require.Empty(t, PartitionDomain("amazonaws.com"))
}
