package trust

import (
	"crypto/x509"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A real chain below Amazon's roots must pass the profile. This one is from another AWS
// service, so only its name is refused. Source: a Terraform state in a public repository,
// in which the data source tls_certificate keeps the chain of an EKS OIDC endpoint as
// served in March 2023.
func TestRealAmazonChainIsRefusedOnlyForItsName(t *testing.T) {
	text, err := os.ReadFile("testdata/amazon-chain-2023.pem")
	require.NoError(t, err)
	then := time.Date(2023, 3, 1, 0, 0, 0, 0, time.UTC)
	certificates, err := ParseChain(text)
	require.NoError(t, err)
	require.Len(t, certificates, 3, "a leaf, its issuer and the cross-signed root")
	require.NoError(t, checkSignerKey(certificates[0]))

	_, err = Verify(SignerEvidence{Chain: text}, testRegion, testDomain, AmazonAnchors(), then)
	var failure *Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, PartName, failure.Part)

	reached := map[string]int{}
	for _, root := range amazonRoots() {
		anchors := x509.NewCertPool()
		anchors.AddCert(root)
		paths, err := findPaths(certificates[0], certificates[1:], anchors, then)
		if err != nil {
			require.ErrorContains(t, err, "unknown authority")
			continue
		}
		for _, path := range paths {
			require.NoError(t, checkProfile(path))
			reached[root.Subject.CommonName] = len(path)
		}
	}
	require.Equal(t, map[string]int{"Amazon Root CA 1": 3, "Starfield Services Root Certificate Authority - G2": 4}, reached)
}
