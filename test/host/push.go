package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/ec2instanceconnect"

	"eic/internal/sim"
)

// The simulator's API requires signed requests, but accepts any credentials.
const (
	accessKey = "AKIDEXAMPLE"
	secretKey = "example"
)

// Service is an EC2 Instance Connect API and the instance for which it pushes keys.
type Service struct {
	Endpoint, InstanceID string
}

// Command returns the command that pushes the public key in keyFile.pub for a user, with AWS's
// own client.
func (s Service) Command(user, keyFile string) *exec.Cmd {
	cmd := here(AWS, "ec2-instance-connect", "send-ssh-public-key",
		"--endpoint-url", s.Endpoint,
		"--instance-id", s.InstanceID,
		"--instance-os-user", user,
		"--ssh-public-key", "file://"+keyFile+".pub")
	cmd.Env = append(cmd.Env, "AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY="+secretKey,
		"AWS_DEFAULT_REGION="+sim.DefaultRegion, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")
	return cmd
}

// ClientEnvironment returns the variables with which AWS's own clients call the host's simulator.
// The clients must run in the host's network namespace.
func (h *Host) ClientEnvironment() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + h.Sim.API, "HTTPS_PROXY=" + h.Sim.Proxy, "AWS_CA_BUNDLE=" + TLSRoot, "SSL_CERT_FILE=" + TLSRoot,
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey,
		"AWS_REGION=" + sim.DefaultRegion, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=",
	}
}

// Push pushes a key through AWS's client library, and returns the request id.
func (s Service) Push(ctx context.Context, user, keyFile string) (string, error) {
	text, err := os.ReadFile(keyFile + ".pub")
	if err != nil {
		return "", err
	}
	key := string(text)
	client := api.New(api.Options{
		BaseEndpoint: &s.Endpoint,
		Region:       sim.DefaultRegion,
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	})
	out, err := client.SendSSHPublicKey(ctx, &api.SendSSHPublicKeyInput{
		InstanceId: &s.InstanceID, InstanceOSUser: &user, SSHPublicKey: &key,
	})
	if err != nil {
		return "", fmt.Errorf("pushing a key for %q: %w", user, err)
	}
	return *out.RequestId, nil
}
