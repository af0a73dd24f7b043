package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// alias is the name of the host in the ssh client's configuration.
const alias = "instance"

// Keygen returns the command that generates a key pair with ssh-keygen(1): the private key in
// file, the public key in file.pub. kind is the type of the key, and more has further arguments.
func Keygen(file, kind string, more ...string) *exec.Cmd {
	args := []string{"-q", "-t", kind, "-N", "", "-C", filepath.Base(file), "-f", file}
	return here(SSHKeygen, append(args, more...)...)
}

// NewKey generates a key pair in Dir and returns the file of the private key.
func (h *Host) NewKey(name, kind string, more ...string) (string, error) {
	file := filepath.Join(h.Dir(), name)
	return file, mustRun(Keygen(file, kind, more...))
}

// SSH returns the command that runs a command on the host over ssh, as a user, with the private
// key in a file. It never prompts and offers no other key.
func (h *Host) SSH(user, keyFile string, command ...string) *exec.Cmd {
	args := []string{"-F", h.clientConfig(), "-i", keyFile, user + "@" + alias}
	return here(SSH, append(args, command...)...)
}

func (h *Host) clientConfig() string { return filepath.Join(h.Dir(), "ssh_config") }

// configureClient writes ssh's configuration: the host's address and host key, and to offer
// only the given key.
func (h *Host) configureClient() error {
	public, err := os.ReadFile(h.Path(hostKey) + ".pub")
	if err != nil {
		return err
	}
	known := filepath.Join(h.Dir(), "known_hosts")
	if err := os.WriteFile(known, []byte(alias+" "+string(public)), 0o644); err != nil {
		return err
	}
	return os.WriteFile(h.clientConfig(), []byte(`Host `+alias+`
  HostName `+strings.Trim(h.loopback, "[]")+`
  HostKeyAlias `+alias+`
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
