package host

import (
	"os"
	"slices"
)

// Programs of this machine that hosts and their tests need.
const (
	SSHD      = "/usr/sbin/sshd"
	SSH       = "/usr/bin/ssh"
	SSHKeygen = "/usr/bin/ssh-keygen"
	IP        = "/bin/ip"
	Setpriv   = "/usr/bin/setpriv"
	AWS       = "/usr/bin/aws"
)

// packages returns the Debian packages of the programs.
func packages() map[string]string {
	return map[string]string{
		SSHD: "openssh-server", SSH: "openssh-client", SSHKeygen: "openssh-client",
		IP: "iproute2", Setpriv: "util-linux", AWS: "awscli",
	}
}

// Missing returns the Debian packages of those programs that are not installed.
func Missing(programs ...string) []string {
	var missing []string
	for _, program := range programs {
		name := packages()[program]
		if _, err := os.Stat(program); err != nil && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// Needed returns the programs that every host needs.
func Needed() []string { return []string{SSHD, SSH, SSHKeygen, IP, Setpriv} }
