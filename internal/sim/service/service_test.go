package service_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2instanceconnect"
	"github.com/aws/aws-sdk-go-v2/service/ec2instanceconnect/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"eic/internal/sim/ec2"
	"eic/internal/sim/iam"
	"eic/internal/sim/service"
)

const (
	instance = "i-0123456789abcdef0"
	zone     = "us-east-1a"
	caller   = "arn:aws:iam::123456789012:user/alice"

	ed25519Key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChAAXZQzNd7iBHGq/mVQ6rMfnnBTBhRgxrAdu8ZD alice@laptop"
	ecdsaKey   = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBJ3VRLNHzSHiPTKx/onLz+Dk+Mevf6y1U8gaylbZNVIkTe+4eFswU1s4wxDc55kSCSiXccNYDE23AQyDAUf4NR0="
)

// start serves an API and returns its URL and its board.
func start(t *testing.T, options service.Options) (string, *service.Board) {
	t.Helper()
	options.Instance, options.Gate = ec2.Instance{ID: instance, AvailabilityZone: zone}, &iam.Gate{Caller: caller}
	options.Board = &service.Board{TTL: time.Minute}
	server := httptest.NewServer(service.New(options))
	t.Cleanup(server.Close)
	return server.URL, options.Board
}

// client returns the AWS SDK's client, without retries.
func client(url string) *ec2instanceconnect.Client {
	return ec2instanceconnect.New(ec2instanceconnect.Options{
		BaseEndpoint:     &url,
		Region:           "us-east-1",
		RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIASIMULATED", SecretAccessKey: "simulated", SessionToken: "simulated"}, nil
		}),
	})
}

func input(change func(*ec2instanceconnect.SendSSHPublicKeyInput)) *ec2instanceconnect.SendSSHPublicKeyInput {
	in := &ec2instanceconnect.SendSSHPublicKeyInput{
		InstanceId:     aws.String(instance),
		InstanceOSUser: aws.String("alice"),
		SSHPublicKey:   aws.String(ed25519Key),
	}
	if change != nil {
		change(in)
	}
	return in
}

func TestSDKPushesAKey(t *testing.T) {
	url, board := start(t, service.Options{})
	out, err := client(url).SendSSHPublicKey(t.Context(), input(func(in *ec2instanceconnect.SendSSHPublicKeyInput) {
		in.AvailabilityZone = aws.String(zone)
		in.SSHPublicKey = aws.String(ed25519Key + "\n")
	}))
	require.NoError(t, err)
	require.True(t, out.Success)
	require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, *out.RequestId)

	require.Equal(t, []string{"alice"}, board.Users())
	pushed := board.For("alice")
	require.Len(t, pushed, 1)
	require.Equal(t, ed25519Key, pushed[0].Key)
	require.Equal(t, caller, pushed[0].Caller)
	require.Equal(t, *out.RequestId, pushed[0].RequestID)
	require.WithinDuration(t, time.Now().Add(time.Minute), pushed[0].Expiry, 2*time.Second)
	require.Empty(t, board.For("bob"))
}

func TestInvalidCallGetsTheDocumentedError(t *testing.T) {
	url, board := start(t, service.Options{})
	invalid := new(types.InvalidArgsException)
	missing := new(types.EC2InstanceNotFoundException)
	long := strings.Repeat("a", 33)
	for _, try := range []struct {
		name   string
		want   any
		change func(*ec2instanceconnect.SendSSHPublicKeyInput)
	}{
		{"user name with a slash", &invalid, func(in *ec2instanceconnect.SendSSHPublicKeyInput) { in.InstanceOSUser = aws.String("../root") }},
		{"user name that starts with a digit", &invalid, func(in *ec2instanceconnect.SendSSHPublicKeyInput) { in.InstanceOSUser = aws.String("1alice") }},
		{"user name with a newline", &invalid, func(in *ec2instanceconnect.SendSSHPublicKeyInput) { in.InstanceOSUser = aws.String("alice\n") }},
		{"empty user name", &invalid, func(in *ec2instanceconnect.SendSSHPublicKeyInput) { in.InstanceOSUser = aws.String("") }},
		{"user name of 33 characters", &invalid, func(in *ec2instanceconnect.SendSSHPublicKeyInput) { in.InstanceOSUser = &long }},
		{"instance id in upper case", &invalid, func(in *ec2instanceconnect.SendSSHPublicKeyInput) { in.InstanceId = aws.String("i-0123456789ABCDEF0") }},
		{"instance id of 7 digits", &invalid, func(in *ec2instanceconnect.SendSSHPublicKeyInput) { in.InstanceId = aws.String("i-1234567") }},
		{"another instance", &missing, func(in *ec2instanceconnect.SendSSHPublicKeyInput) { in.InstanceId = aws.String("i-0fedcba9876543210") }},
		{"malformed Availability Zone", &invalid, func(in *ec2instanceconnect.SendSSHPublicKeyInput) { in.AvailabilityZone = aws.String("nowhere") }},
		{"another Availability Zone", &missing, func(in *ec2instanceconnect.SendSSHPublicKeyInput) { in.AvailabilityZone = aws.String("us-east-1b") }},
		{"empty key", &invalid, func(in *ec2instanceconnect.SendSSHPublicKeyInput) { in.SSHPublicKey = aws.String("") }},
		{"key of 79 characters", &invalid, func(in *ec2instanceconnect.SendSSHPublicKeyInput) { in.SSHPublicKey = aws.String(ed25519Key[:79]) }},
		{"key of 4097 characters", &invalid, func(in *ec2instanceconnect.SendSSHPublicKeyInput) {
			in.SSHPublicKey = aws.String(ed25519Key + strings.Repeat("x", 4097-len(ed25519Key)))
		}},
		{"text without a key", &invalid, func(in *ec2instanceconnect.SendSSHPublicKeyInput) {
			in.SSHPublicKey = aws.String(strings.Repeat("no key at all ", 8))
		}},
		{"key with options", &invalid, func(in *ec2instanceconnect.SendSSHPublicKeyInput) {
			in.SSHPublicKey = aws.String(`command="id" ` + ed25519Key)
		}},
		{"two keys", &invalid, func(in *ec2instanceconnect.SendSSHPublicKeyInput) {
			in.SSHPublicKey = aws.String(ed25519Key + "\n" + ed25519Key)
		}},
		{"ECDSA key", &invalid, func(in *ec2instanceconnect.SendSSHPublicKeyInput) { in.SSHPublicKey = aws.String(ecdsaKey) }},
	} {
		t.Run(try.name, func(t *testing.T) {
			_, err := client(url).SendSSHPublicKey(t.Context(), input(try.change))
			require.ErrorAs(t, err, try.want)
			require.Empty(t, board.Users())
		})
	}
}

func TestErrorSaysWhatIsWrongWithTheKey(t *testing.T) {
	url, _ := start(t, service.Options{})
	for key, says := range map[string]string{
		ecdsaKey:                            `a key of type "ecdsa-sha2-nistp256", not RSA or ED25519`,
		ed25519Key[:79]:                     "SSHPublicKey has 79 characters, not 80 to 4096",
		`command="id" ` + ed25519Key:        "options before the key",
		ed25519Key + "\n" + ed25519Key:      "more than one line",
		strings.Repeat("no key at all ", 8): "no key found",
	} {
		_, err := client(url).SendSSHPublicKey(t.Context(), input(func(in *ec2instanceconnect.SendSSHPublicKeyInput) {
			in.SSHPublicKey = &key
		}))
		require.ErrorContains(t, err, says)
	}
}

func TestShortestAndLongestKeysAreAccepted(t *testing.T) {
	url, board := start(t, service.Options{})
	bare := strings.TrimSuffix(ed25519Key, " alice@laptop")
	require.Len(t, bare, 80)
	for _, key := range []string{bare, bare + " " + strings.Repeat("x", 4096-81)} {
		_, err := client(url).SendSSHPublicKey(t.Context(), input(func(in *ec2instanceconnect.SendSSHPublicKeyInput) {
			in.SSHPublicKey = &key
			in.InstanceOSUser = aws.String("a")
		}))
		require.NoError(t, err)
	}
	require.Len(t, board.For("a"), 2)
}

func TestOptionErrorAnswersEveryCall(t *testing.T) {
	for _, code := range service.Errors() {
		t.Run(code, func(t *testing.T) {
			url, board := start(t, service.Options{Error: code})
			_, err := client(url).SendSSHPublicKey(t.Context(), input(nil))
			var apiErr smithy.APIError
			require.ErrorAs(t, err, &apiErr)
			require.Equal(t, code, apiErr.ErrorCode())
			require.NotContains(t, err.Error(), "UnknownError")
			require.Empty(t, board.Users())
		})
	}
}

func TestSerialConsoleIsAnsweredWithAccessDisabled(t *testing.T) {
	url, _ := start(t, service.Options{})
	_, err := client(url).SendSerialConsoleSSHPublicKey(t.Context(), &ec2instanceconnect.SendSerialConsoleSSHPublicKeyInput{
		InstanceId: aws.String(instance), SSHPublicKey: aws.String(ed25519Key),
	})
	disabled := new(types.SerialConsoleAccessDisabledException)
	require.ErrorAs(t, err, &disabled)
}

func TestMalformedRequestsGetProtocolErrors(t *testing.T) {
	url, board := start(t, service.Options{})
	const signed = "AWS4-HMAC-SHA256 Credential=AKIA/20261122/us-east-1/ec2-instance-connect/aws4_request, " +
		"SignedHeaders=host;x-amz-date, Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	const target = "AWSEC2InstanceConnectService.SendSSHPublicKey"
	good := `{"InstanceId":"` + instance + `","InstanceOSUser":"alice","SSHPublicKey":"` + ed25519Key + `"}`
	for _, try := range []struct {
		name, authorization, target, body string
		status                            int
		code                              string
	}{
		{"not signed", "", target, good, 403, "MissingAuthenticationTokenException"},
		{"signed with another scheme", "Basic YWxpY2U6c2VjcmV0", target, good, 403, "IncompleteSignatureException"},
		{"signed for another service", strings.Replace(signed, "ec2-instance-connect", "s3", 1), target, good, 403, "IncompleteSignatureException"},
		{"no X-Amz-Target", signed, "", good, 400, "UnknownOperationException"},
		{"unknown operation", signed, target + "s", good, 400, "UnknownOperationException"},
		{"body is not JSON", signed, target, "InstanceId=" + instance, 400, "SerializationException"},
		{"body is too long", signed, target, `{"InstanceId":"` + strings.Repeat("i", 1<<17), 400, "SerializationException"},
	} {
		t.Run(try.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(try.body))
			require.NoError(t, err)
			req.Header.Set("X-Amz-Date", "20261122T000000Z")
			req.Header.Set("X-Amz-Target", try.target)
			if try.authorization != "" {
				req.Header.Set("Authorization", try.authorization)
			}
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			defer func() { _ = resp.Body.Close() }()
			require.Equal(t, try.status, resp.StatusCode)
			require.Equal(t, try.code, resp.Header.Get("X-Amzn-Errortype"))
			require.Empty(t, board.Users())
		})
	}
}

func TestExpiredKeysAreRemoved(t *testing.T) {
	board := &service.Board{TTL: 100 * time.Millisecond}
	before := time.Now()
	board.Add(service.Pushed{User: "alice", Key: ed25519Key})
	pushed := board.For("alice")
	require.Len(t, pushed, 1)
	require.Zero(t, pushed[0].Expiry.Nanosecond(), "expected the expiry at a whole second")
	require.False(t, pushed[0].Expiry.Before(before.Add(board.TTL)))
	require.Less(t, pushed[0].Expiry.Sub(before), board.TTL+2*time.Second)
	require.Eventually(t, func() bool { return len(board.Users()) == 0 }, 5*time.Second, 10*time.Millisecond)
	require.False(t, time.Now().Before(pushed[0].Expiry))
}

// awsCLI runs the packaged AWS CLI against an API, without the environment and configuration
// of this machine.
func awsCLI(t *testing.T, url string, args ...string) (string, error) {
	t.Helper()
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "/usr/bin/aws", append([]string{
		"--endpoint-url", url, "--region", "us-east-1", "ec2-instance-connect"}, args...)...)
	cmd.Env = []string{
		"PATH=/usr/bin:/bin", "HOME=" + home, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=" + filepath.Join(home, "none"), "AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(home, "none"),
		"AWS_ACCESS_KEY_ID=AKIASIMULATED", "AWS_SECRET_ACCESS_KEY=simulated", "AWS_MAX_ATTEMPTS=1",
	}
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); err != nil {
		require.ErrorAs(t, err, &exit, "the AWS CLI could not be run; Debian's package is called awscli")
	}
	return string(out), err
}

func TestAWSCLIPushesAKey(t *testing.T) {
	url, board := start(t, service.Options{})
	key := filepath.Join(t.TempDir(), "id.pub")
	require.NoError(t, os.WriteFile(key, []byte(ed25519Key+"\n"), 0o600))

	out, err := awsCLI(t, url, "send-ssh-public-key", "--instance-id", instance, "--availability-zone", zone,
		"--instance-os-user", "alice", "--ssh-public-key", "file://"+key)
	require.NoError(t, err, out)
	require.Contains(t, out, `"Success": true`)
	pushed := board.For("alice")
	require.Len(t, pushed, 1)
	require.Contains(t, out, pushed[0].RequestID)

	out, err = awsCLI(t, url, "send-ssh-public-key", "--instance-id", "i-0fedcba9876543210",
		"--instance-os-user", "alice", "--ssh-public-key", "file://"+key)
	require.Error(t, err)
	require.Contains(t, out, "The specified instance was not found.")
	require.Contains(t, out, "(EC2InstanceNotFoundException) when calling the SendSSHPublicKey operation")
}
