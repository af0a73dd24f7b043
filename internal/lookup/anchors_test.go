package lookup

import (
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/trust"
)

// On a system without ca-certificates, crypto/x509 only reports an unknown authority.
func TestEmptySystemTrustStoreIsReported(t *testing.T) {
	require.ErrorContains(t, refuseEmpty(x509.NewCertPool()), "install the package ca-certificates")
	require.NoError(t, refuseEmpty(trust.AmazonAnchors()))
}

// The commercial partition's domain must not depend on the system's store, to which others
// may write.
func TestOnlyAmazonDomainHasBuiltInAnchors(t *testing.T) {
	system, err := Anchors(AnchorsSystem, trust.AmazonDomain)
	require.NoError(t, err)
	for _, domain := range trust.Domains() {
		pool, err := Anchors(AnchorsAuto, domain)
		require.NoError(t, err)
		want := system
		if domain == trust.AmazonDomain {
			want = trust.AmazonAnchors()
		}
		require.True(t, want.Equal(pool), domain)
	}
}

// The metadata service must not move a host to the trust store of another partition.
func TestPinnedPartitionAcceptsOnlyItsDomain(t *testing.T) {
	require.Equal(t, []string{"amazonaws.com.cn", "a.example"}, Options{Partition: "aws-cn", Domains: []string{"a.example"}}.AcceptedDomains())
	require.Contains(t, Options{}.AcceptedDomains(), "amazonaws.com")
	require.Contains(t, Options{}.AcceptedDomains(), "amazonaws.com.cn")
}
