//go:build packages

package packages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
)

func TestAnsibleLintReportsNothing(t *testing.T) {
	require.Contains(t, open(t, "tools").must(`
		cp -r /src/packaging/ansible role
		cd role
		ansible-lint --offline --strict --nocolor site.yaml roles/eic/*/*.yml roles/eic`), "Passed: 0 failure(s), 0 warning(s) on 10 files.")
}

// copyRole copies the role to where ansible-playbook looks for it.
func (m machine) copyRole() {
	m.t.Helper()
	for _, directory := range []string{"/run/ansible", "/dev/shm"} { // Python keeps its semaphores in /dev/shm
		require.NoError(m.t, os.MkdirAll(m.Path(directory), 0o755))
	}
	require.NoError(m.t, os.CopyFS(m.Path("/run/ansible"), os.DirFS(filepath.Join(module, "packaging/ansible"))))
}

// ansible runs the role on the machine itself, with --connection local.
func (m machine) ansible(variables string, flags ...string) host.Result {
	m.t.Helper()
	m.write("/run/ansible/play.yaml", "- hosts: all\n  gather_subset: [min]\n  roles:\n    - role: eic\n      vars: {eic_packages: /run/packages, "+variables+"}\n")
	return m.run("/usr/bin/env", append([]string{"HOME=/run/ansible", "LC_ALL=C.UTF-8", "ANSIBLE_ROLES_PATH=/run/ansible/roles", "ANSIBLE_REMOTE_TMP=/run/ansible",
		"/usr/bin/ansible-playbook", "--inventory", "localhost,", "--connection", "local", "/run/ansible/play.yaml"}, flags...)...)
}

// play runs the role, requires that it succeeds, and returns Ansible's recap.
func (m machine) play(variables string, flags ...string) string {
	m.t.Helper()
	result := m.ansible("eic_unsigned: true, "+variables, flags...)
	require.Zero(m.t, result.Status)
	_, recap, found := strings.Cut(result.Stdout, "PLAY RECAP")
	require.True(m.t, found)
	return recap
}

// requireRole runs the role as a fleet does: in check mode, then in earnest, and again with
// the same settings, with eic disabled, and with eic absent.
func (m machine) requireRole(installed string) {
	m.t.Helper()

	before := m.listing()
	const settings = "eic_deny_user: [root], eic_key_options: 'no-pty,no-agent-forwarding'"
	require.NotContains(m.t, m.play(settings, "--check"), "changed=0 ")
	m.requireListing(before)

	require.NotContains(m.t, m.play(settings), "changed=0 ")
	copied, err := os.ReadDir(m.Path("/var/cache/eic"))
	require.NoError(m.t, err)
	require.Len(m.t, copied, 1, "the role must copy exactly one package to the host")
	require.Equal(m.t, installed, copied[0].Name())
	require.Contains(m.t, m.read(settingsFile), "\ndeny-user root\nkey-options no-pty,no-agent-forwarding\n")
	m.requireLogin()

	require.Contains(m.t, m.play(settings), "changed=0 ")
	require.Contains(m.t, m.play("eic_deny_user: [root, admin]", "--check"), "changed=1 ", "expected only the settings file to change")

	written := m.read(settingsFile)
	require.Contains(m.t, m.play("eic_enabled: false"), "changed=2 ", "expected a change from eic disable and from its dry run")
	require.False(m.t, m.enabled())
	require.Equal(m.t, written, m.read(settingsFile), "a play without settings must leave the settings file unchanged")
	require.Contains(m.t, m.play("eic_state: absent"), "changed=1 ")
	require.False(m.t, m.exists("/usr/bin/eic"))
}

func TestAnsibleRoleInstallsAndRemovesWithApt(t *testing.T) {
	m := start(t, "tools")
	m.copyRole()
	m.copyPackages("/run/packages")
	m.requireRole("eic.deb")
}

func TestAnsibleRoleInstallsAndRemovesWithDnf(t *testing.T) {
	m := startRPM(t)
	// Ansible chooses the package manager by the distribution. It must choose dnf here.
	m.write("/usr/lib/os-release", "NAME=\"Amazon Linux\"\nID=amzn\nID_LIKE=fedora\nVERSION=2023\nVERSION_ID=2023\n")
	m.copyRole()
	m.copyPackages("/run/packages")
	result := m.ansible("eic_unsigned: false")
	require.NotZero(t, result.Status)
	require.Contains(t, result.Stdout, "is not signed")
	m.must("/usr/bin/rm", "-r", "/var/cache/eic")
	m.requireRole("eic.rpm")
}

func TestAnsibleRoleFailsWithoutAPackage(t *testing.T) {
	m := start(t, "tools")
	m.copyRole()
	result := m.ansible("eic_deny_user: [root]")
	require.NotZero(t, result.Status)
	require.Contains(t, result.Stdout, "expected one file /run/packages/eic_[0-9]*_amd64.deb, found 0;")
	require.False(t, m.exists("/etc/eic"))
}
