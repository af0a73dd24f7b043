//go:build packages

package packages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnsibleLint(t *testing.T) {
	require.Contains(t, open(t, "tools").must(`
		cp -r /src/packaging/ansible role
		cd role
		ansible-lint --offline --strict --nocolor site.yaml roles/eic/*/*.yml roles/eic`), "Passed: 0 failure(s), 0 warning(s) on 10 files.")
}

// play runs the role on the machine itself, and returns what Ansible says at the end.
func (m machine) play(variables string, flags ...string) string {
	m.t.Helper()
	m.write("/run/ansible/play.yaml", "- hosts: all\n  roles:\n    - role: eic\n      vars: {eic_packages: /run/packages, "+variables+"}\n")
	args := append([]string{"HOME=/run/ansible", "LC_ALL=C.UTF-8", "ANSIBLE_ROLES_PATH=/run/ansible/roles", "ANSIBLE_REMOTE_TMP=/run/ansible",
		"/usr/bin/ansible-playbook", "--inventory", "localhost,", "--connection", "local", "/run/ansible/play.yaml"}, flags...)
	out := m.must("/usr/bin/env", args...)
	_, recap, found := strings.Cut(out, "PLAY RECAP")
	require.True(m.t, found)
	return recap
}

// requireRole runs the role as a fleet does: first to see what it would do, then for good, and
// again and again.
func (m machine) requireRole(installed string) {
	m.t.Helper()
	roles := filepath.Join(module, "packaging/ansible")
	require.NoError(m.t, os.MkdirAll(m.Path("/run/ansible"), 0o755))
	require.NoError(m.t, os.CopyFS(m.Path("/run/ansible"), os.DirFS(roles)))
	m.copyPackages("/run/packages")

	before := m.listing()
	const settings = "eic_deny_user: [root], eic_key_options: 'no-pty,no-agent-forwarding'"
	require.NotContains(m.t, m.play(settings, "--check"), "changed=0 ")
	m.requireListing(before)

	require.NotContains(m.t, m.play(settings), "changed=0 ")
	copied, err := os.ReadDir(m.Path("/var/cache/eic"))
	require.NoError(m.t, err)
	require.Len(m.t, copied, 1, "every host has one package to fetch")
	require.Equal(m.t, installed, copied[0].Name())
	require.Contains(m.t, m.read(settingsFile), "\ndeny-user root\nkey-options no-pty,no-agent-forwarding\n")
	m.requireLogin()

	require.Contains(m.t, m.play(settings), "changed=0 ")
	require.Contains(m.t, m.play(settings, "--check"), "changed=0 ")
	require.Contains(m.t, m.play("eic_deny_user: [root, admin]", "--check"), "changed=1 ")
	require.Contains(m.t, m.play("eic_deny_user: [root, admin]"), "changed=1 ")
	require.Contains(m.t, m.read(settingsFile), "\ndeny-user root\ndeny-user admin\n")

	written := m.read(settingsFile)
	require.Contains(m.t, m.play("eic_enabled: false"), "changed=2 ", "what is asked and what is done")
	require.False(m.t, m.enabled())
	require.Contains(m.t, m.play("eic_enabled: false"), "changed=0 ")
	require.Contains(m.t, m.play("eic_enabled: true", "--check"), "changed=1 ")
	require.Contains(m.t, m.play("eic_enabled: true"), "changed=2 ")
	m.requireLogin()
	require.Equal(m.t, written, m.read(settingsFile), "no setting is given, so none is taken away")
	require.NotContains(m.t, m.play("eic_state: absent"), "changed=0 ")
	require.False(m.t, m.enabled())
	require.Contains(m.t, m.play("eic_state: absent"), "changed=0 ")
}

func TestAnsibleRoleWithApt(t *testing.T) {
	start(t, "tools").requireRole("eic.deb")
}

func TestAnsibleRoleWithDnf(t *testing.T) {
	startRPM(t).requireRole("eic.rpm")
}

func TestAnsibleRefusesAnythingButOnePackage(t *testing.T) {
	m := start(t, "tools")
	require.NoError(t, os.CopyFS(m.Path("/run/ansible"), os.DirFS(filepath.Join(module, "packaging/ansible"))))
	m.write("/run/ansible/play.yaml", "- hosts: all\n  roles:\n    - role: eic\n      vars: {eic_packages: /run/packages}\n")
	result := m.run("/usr/bin/env", "HOME=/run/ansible", "LC_ALL=C.UTF-8", "ANSIBLE_ROLES_PATH=/run/ansible/roles",
		"/usr/bin/ansible-playbook", "--inventory", "localhost,", "--connection", "local", "/run/ansible/play.yaml")
	require.NotZero(t, result.Status)
	require.Contains(t, result.Stdout, "expected one file /run/packages/eic_[0-9]*_amd64.deb, found 0;")
}
