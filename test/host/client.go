package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// alias is what the host is called in the ssh client's configuration.
const alias = "instance"

// Keygen is the command that makes a key pair of a type of ssh-keygen(1), with more
// of its arguments: the private half in file, the public one in file.pub.
func Keygen(file, kind string, more ...string) *exec.Cmd {
	args := []string{"-q", "-t", kind, "-N", "", "-C", filepath.Base(file), "-f", file}
	return here(SSHKeygen, append(args, more...)...)
}

// NewKey makes a key pair in Dir and returns the private half's file.
func (h *Host) NewKey(name, kind string, more ...string) (string, error) {
	file := filepath.Join(h.Dir(), name)
	return file, mustRun(Keygen(file, kind, more...))
}

// SSH is the command that runs a command on the host as a user, with the private
// key in a file. It asks nothing and offers no other key.
func (h *Host) SSH(user, keyFile string, command ...string) *exec.Cmd {
	args := []string{"-F", h.clientConfig(), "-i", keyFile, user + "@" + alias}
	return here(SSH, append(args, command...)...)
}

func (h *Host) clientConfig() string { return filepath.Join(h.Dir(), "ssh_config") }

// configureClient writes what ssh has to know: where the host is, its key, and to
// offer nothing but the key that it is told to.
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
