// Package sssd adds users to a throwaway host that exist only in LDAP: with a real SSSD, and a
// real OpenLDAP server that has their SSH keys.
package sssd

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/test/host"
	"eic/test/host/hosttest"
	"eic/test/host/mount"
	"eic/test/needs"
)

// Command is SSSD's program for AuthorizedKeysCommand (sss_ssh_authorizedkeys(1)).
const Command = "/usr/bin/sss_ssh_authorizedkeys"

const (
	sssd    = "/usr/sbin/sssd"
	slapd   = "/usr/sbin/slapd"
	slapadd = "/usr/sbin/slapadd"

	serverConfig = "/etc/ldap/eic-test.conf"
	// firstID is the uid of the first user.
	firstID = 5000
)

// server is the configuration of slapd(8). SSSD, FreeIPA and others use this schema of
// sshPublicKey.
const server = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
attributetype ( 1.3.6.1.4.1.24552.500.1.1.1.13 NAME 'sshPublicKey' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
objectclass ( 1.3.6.1.4.1.24552.500.1.1.2.0 NAME 'ldapPublicKey' SUP top AUXILIARY MUST sshPublicKey )
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
directory /var/lib/ldap
suffix "dc=example,dc=com"
`

// client is sssd.conf(5).
const client = `[sssd]
services = nss, ssh
domains = example
[domain/example]
id_provider = ldap
auth_provider = none
access_provider = permit
ldap_uri = ldap://127.0.0.1
ldap_search_base = dc=example,dc=com
`

// Start adds users to the host, each with a public key, and returns when SSSD answers. people
// has the file of the private key by user name. Both servers end with the test.
func Start(t *testing.T, h *host.Host, people map[string]string) {
	t.Helper()
	for _, program := range []string{Command, sssd, slapd, slapadd} {
		needs.Tool(t, program)
	}
	empty(t, "/var/lib/ldap")
	empty(t, "/var/lib/sss", "db", "deskprofile", "gpo_cache", "mc", "pipes/private", "pubconf/krb5.include.d", "secrets")
	require.NoError(t, h.WriteFile(serverConfig, []byte(server)))
	require.NoError(t, h.WriteFile("/etc/sssd/sssd.conf", []byte(client)))
	require.NoError(t, os.Chmod(h.Path("/etc/sssd/sssd.conf"), 0o600))
	require.NoError(t, h.WriteFile("/etc/nsswitch.conf", []byte("passwd: files sss\ngroup: files sss\nshadow: files\n")))

	fill := h.Command("root", slapadd, "-f", serverConfig)
	fill.Stdin = strings.NewReader(entries(t, h, people))
	result := hosttest.Capture(t, fill)
	require.Zero(t, result.Status, result.Stderr)
	run(t, h.Command("root", slapd, "-d", "0", "-f", serverConfig, "-h", "ldap://127.0.0.1/"))
	run(t, h.Command("root", sssd, "-i"))
	for name := range people {
		answers := func() bool { return hosttest.Capture(t, h.Command("root", Command, name)).Stdout != "" }
		require.Eventually(t, answers, 20*time.Second, 50*time.Millisecond, "SSSD knows no key of %s", name)
	}
}

// entries returns the users as LDIF and makes their home directories.
func entries(t *testing.T, h *host.Host, people map[string]string) string {
	t.Helper()
	text := "dn: dc=example,dc=com\nobjectClass: domain\ndc: example\n"
	id := firstID
	for name, key := range people {
		public, err := os.ReadFile(key + ".pub")
		require.NoError(t, err)
		text += fmt.Sprintf("\ndn: uid=%[1]s,dc=example,dc=com\nobjectClass: account\nobjectClass: posixAccount\nobjectClass: ldapPublicKey\n"+
			"uid: %[1]s\ncn: %[1]s\nuidNumber: %[2]d\ngidNumber: %[2]d\nhomeDirectory: %[3]s\nloginShell: /bin/sh\nsshPublicKey: %[4]s",
			name, id, host.Home(name), public)
		require.NoError(t, os.Mkdir(h.Path(host.Home(name)), 0o700))
		require.NoError(t, os.Chown(h.Path(host.Home(name)), id, id))
		id++
	}
	return text
}

// empty mounts an empty directory over one of the machine until the test ends.
func empty(t *testing.T, directory string, below ...string) {
	t.Helper()
	require.NoError(t, mount.Mount("tmpfs", directory, "tmpfs", mount.NoSUID, "mode=755"))
	t.Cleanup(func() { require.NoError(t, mount.Unmount(directory)) })
	for _, name := range below {
		require.NoError(t, os.MkdirAll(path.Join(directory, name), 0o755))
	}
}

// run runs a server until the test ends.
func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // at SIGTERM, SSSD ends its responders too
		_ = cmd.Wait()                          // the status does not matter
	})
}
