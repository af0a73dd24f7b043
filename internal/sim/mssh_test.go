package sim_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2instanceconnect"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"eic/internal/sim"
	"eic/internal/sim/iam"
)

// mssh and msftp call DescribeInstances, and push an RSA key with the Availability Zone from
// its answer.
func TestSimulatorServesTheCallsOfMSSH(t *testing.T) {
	const id, secret = "AKIDEXAMPLE", "secret"
	s := start(t, sim.Options{PublicIP: "198.51.100.10", Principals: map[string]iam.Principal{id: {Secret: secret}}})

	body := "Action=DescribeInstances&Version=2016-11-15&InstanceId.1=" + sim.DefaultInstanceID
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.API+"/", strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sum := sha256.Sum256([]byte(body))
	require.NoError(t, v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, r,
		hex.EncodeToString(sum[:]), "ec2", sim.DefaultRegion, time.Now()))
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(text))
	require.Contains(t, string(text), "<ipAddress>198.51.100.10</ipAddress>")
	require.Contains(t, string(text), "<availabilityZone>us-east-1a</availabilityZone>")

	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	public, err := ssh.NewPublicKey(key.Public())
	require.NoError(t, err)
	line := string(ssh.MarshalAuthorizedKey(public))
	client := ec2instanceconnect.New(ec2instanceconnect.Options{
		BaseEndpoint: &s.API, Region: sim.DefaultRegion, Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
	})
	_, err = client.SendSSHPublicKey(t.Context(), &ec2instanceconnect.SendSSHPublicKeyInput{
		InstanceId: aws.String(sim.DefaultInstanceID), InstanceOSUser: aws.String("ec2-user"),
		AvailabilityZone: aws.String("us-east-1a"), SSHPublicKey: aws.String(line),
	})
	require.NoError(t, err)
	require.Contains(t, newReader(t, s).found(t, "managed-ssh-keys/active-keys/ec2-user"), "\n"+line)
}
