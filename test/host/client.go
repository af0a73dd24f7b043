package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/ec2instanceconnect"

	"eic/internal/sim"
)

// Name is what the host is called in the ssh client's configuration.
const Name = "instance"

// configureClient writes what ssh has to know: where the host is, its key, and to
// offer nothing but the key it is told to.
func (h *Host) configureClient() error {
	public, err := os.ReadFile(h.Path(hostKey) + ".pub")
	if err != nil {
		return err
	}
	known := filepath.Join(h.Dir(), "known_hosts")
	if err := os.WriteFile(known, []byte(Name+" "+string(public)), 0o644); err != nil {
		return err
	}
	return os.WriteFile(h.clientConfig(), []byte(`Host `+Name+`
  HostName `+strings.Trim(h.loopback, "[]")+`
  HostKeyAlias `+Name+`
  UserKnownHostsFile `+known+`
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  UpdateHostKeys no
  IdentityAgent none
  IdentitiesOnly yes
  PreferredAuthentications publickey
  BatchMode yes
  ConnectTimeout 30
  LogLevel ERROR
`), 0o644)
}

func (h *Host) clientConfig() string { return filepath.Join(h.Dir(), "ssh_config") }

// Keygen is the command that makes a key pair of a type of ssh-keygen(1), with more
// of its arguments; the public half goes to file.pub.
func (h *Host) Keygen(file, kind string, more ...string) *exec.Cmd {
	args := []string{"-q", "-t", kind, "-N", "", "-C", filepath.Base(file), "-f", file}
	return h.outside("/usr/bin/ssh-keygen", append(args, more...)...)
}

// NewKey makes a key pair in Dir and returns the private half's file.
func (h *Host) NewKey(name, kind string, more ...string) (string, error) {
	file := filepath.Join(h.Dir(), name)
	return file, mustRun(h.Keygen(file, kind, more...))
}

// SSH is the command that runs a command on the host as a user, who has a private
// key in a file. It asks nothing and offers no other key.
func (h *Host) SSH(user, keyFile string, command ...string) *exec.Cmd {
	args := []string{"-F", h.clientConfig(), "-i", keyFile, user + "@" + Name}
	return h.outside("/usr/bin/ssh", append(args, command...)...)
}

// PushCommand is the command that pushes the public half of a key for a user, with
// AWS's own client.
func (h *Host) PushCommand(user, keyFile string) *exec.Cmd {
	cmd := h.outside("/usr/bin/aws", "ec2-instance-connect", "send-ssh-public-key",
		"--endpoint-url", h.Sim.API,
		"--instance-id", h.instanceID(),
		"--instance-os-user", user,
		"--ssh-public-key", "file://"+keyFile+".pub")
	cmd.Env = append(cmd.Env, "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=example",
		"AWS_DEFAULT_REGION="+sim.DefaultRegion, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")
	return cmd
}

// Push pushes the public half of a key for a user through the API, and returns the
// request id.
func (h *Host) Push(user, keyFile string) (string, error) {
	public, err := os.ReadFile(keyFile + ".pub")
	if err != nil {
		return "", err
	}
	instance, key := h.instanceID(), string(public)
	client := api.New(api.Options{
		BaseEndpoint: &h.Sim.API,
		Region:       sim.DefaultRegion,
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
	})
	out, err := client.SendSSHPublicKey(context.Background(), &api.SendSSHPublicKeyInput{
		InstanceId: &instance, InstanceOSUser: &user, SSHPublicKey: &key,
	})
	if err != nil {
		return "", fmt.Errorf("pushing a key for %q: %w", user, err)
	}
	return *out.RequestId, nil
}
