package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
	"eic/test/host/hosttest"
)

// withCertificates is the configuration of a host whose users log in with certificates that
// name a role.
const withCertificates = "TrustedUserCAKeys /run/eic-test/ca.pub\n" +
	"AuthorizedPrincipalsCommand /usr/bin/principals %u\n" +
	"AuthorizedPrincipalsCommandUser nobody\n"

// newCertificate returns a key with a certificate for the role. It configures the host to
// accept the certificate.
func newCertificate(t *testing.T, h *host.Host) string {
	t.Helper()
	authority, key := filepath.Join(h.Dir(), "ca"), hosttest.NewKey(t, h, "certified")
	require.NoError(t, host.Keygen(authority, "ed25519").Run())
	out, err := exec.Command(host.SSHKeygen, "-q", "-s", authority, "-I", "somebody", "-n", "operators", key+".pub").CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, h.WriteFile("/usr/bin/principals", []byte("#!/bin/sh\necho operators\n")))
	require.NoError(t, os.Chmod(h.Path("/usr/bin/principals"), 0o755))
	return key
}

// Before version 9.4, sshd ignores an AuthorizedPrincipalsCommand after an
// AuthorizedKeysCommand.
func TestEnableKeepsCertificateLogins(t *testing.T) {
	for name, config := range map[string]string{
		"lines in sshd_config":                      withCertificates,
		"lines in an included file":                 "Include /etc/ssh/sshd_config.d/*.conf\n",
		"lines in sshd_config before a Match block": withCertificates + "Match User bob\nX11Forwarding no\nMatch all\n",
	} {
		t.Run(name, func(t *testing.T) {
			h := hosttest.Start(t, host.Options{}, "")
			certified, pushed := newCertificate(t, h), hosttest.NewKey(t, h, "pushed")
			require.NoError(t, h.WriteFile("/etc/ssh/sshd_config.d/50-certificates.conf", []byte(withCertificates)))
			restart(t, h, config)
			hosttest.RequireLogin(t, h, "alice", certified)
			hosttest.Push(t, h, "alice", pushed)
			hosttest.RequireNoLogin(t, h, "alice", pushed)

			hosttest.Change(t, h, "enable", "--trust-anchors", host.TrustAnchors)
			hosttest.RequireLogin(t, h, "alice", certified)
			hosttest.RequireLogin(t, h, "alice", pushed)

			hosttest.Change(t, h, "disable")
			hosttest.RequireLogin(t, h, "alice", certified)
			hosttest.RequireNoLogin(t, h, "alice", pushed)
		})
	}
}

// A unit may start sshd with another file than sshd_config. eic enable must write to that
// file, and not to sshd_config.
func TestEnableWritesToTheConfigurationFileThatSSHDUses(t *testing.T) {
	const file = "/etc/ssh/sshd_config_site"
	h := hosttest.Start(t, host.Options{}, "")
	h.StopSSHD()
	own, err := os.ReadFile(h.Path("/etc/ssh/sshd_config"))
	require.NoError(t, err)
	require.NoError(t, h.WriteFile(file, own))
	require.NoError(t, h.WriteFile("/etc/systemd/system/ssh.service", []byte("[Service]\nExecStart=/usr/sbin/sshd -D -f "+file+"\n")))
	h.Log.Forget()
	require.NoError(t, h.StartSSHD("-f", file))
	inFile, pushed := hosttest.NewKey(t, h, "in-file"), hosttest.NewKey(t, h, "pushed")
	public, err := os.ReadFile(inFile + ".pub")
	require.NoError(t, err)
	require.NoError(t, h.WriteFile(host.Home("alice")+"/.ssh/authorized_keys", public))
	hosttest.RequireLogin(t, h, "alice", inFile)
	hosttest.Push(t, h, "alice", pushed)
	hosttest.RequireNoLogin(t, h, "alice", pushed)

	hosttest.Change(t, h, "enable", "--trust-anchors", host.TrustAnchors)
	hosttest.RequireLogin(t, h, "alice", inFile)
	hosttest.RequireLogin(t, h, "alice", pushed)
	told := hosttest.Capture(t, h.Command("root", host.Binary, "doctor", "--json"))
	require.Contains(t, told.Stdout, "set at "+file+":3")

	hosttest.Change(t, h, "disable")
	hosttest.RequireLogin(t, h, "alice", inFile)
	hosttest.RequireNoLogin(t, h, "alice", pushed)
	for _, name := range []string{file, "/etc/ssh/sshd_config"} {
		now, err := os.ReadFile(h.Path(name))
		require.NoError(t, err)
		require.Equal(t, string(own), string(now))
	}
}
