//go:build packages

package packages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// installModule installs the module into Debian's policy, without loading it into the
// kernel, and returns a function that queries the policy.
func installModule(t *testing.T) (w workshop, query func(command string) []string) {
	t.Helper()
	w = open(t, "tools")
	out := w.asRoot("semodule --noreload --priority 200 --install /src/packaging/selinux/eic.cil")
	require.NotContains(t, out, "eic.cil:", "semodule warns about the module")
	return w, func(command string) []string {
		t.Helper()
		return strings.Split(strings.TrimSpace(w.must(command+" /etc/selinux/default/policy/policy.*")), "\n")
	}
}

// The module adds exactly these rules, for both domains of the transition. If it allowed
// anything else, this test would fail.
func TestSELinuxModuleAddsExactlyTheseRules(t *testing.T) {
	_, query := installModule(t)
	var rules []string
	for _, command := range []string{
		"sesearch --type_trans --target eic_exec_t",
		"sesearch --allow --source eic_caller -ds",
		"sesearch --allow --source eic_t -ds",
	} {
		rules = append(rules, query(command)...)
	}
	golden, err := os.ReadFile(filepath.Join("testdata", "selinux.golden"))
	require.NoError(t, err)
	require.Equal(t, string(golden), strings.Join(rules, "\n")+"\n")
}

func TestSELinuxDomainIsEnteredFromSSHDAndNeverLeft(t *testing.T) {
	w, query := installModule(t)
	require.Contains(t, query("sesearch --allow --source sshd_t --target eic_t --class process --perm transition"),
		"allow eic_caller eic_t:process { signal transition };")
	require.Contains(t, w.asRoot("matchpathcon -f /var/lib/selinux/default/active/file_contexts /usr/bin/eic"),
		"system_u:object_r:eic_exec_t:s0")
	// eic_t has no transition into another domain. It may write no file except its own in
	// /proc.
	require.Equal(t, []string{""}, query("sesearch --allow --source eic_t --class process --perm transition"))
	require.Equal(t, []string{""}, query("sesearch --type_trans --source eic_t --class process"))
	for _, rule := range query("sesearch --allow --source eic_t --class file --perm append,create,unlink,write") {
		require.Contains(t, rule, "allow eic_t eic_t:file")
	}

	w.asRoot("semodule --noreload --priority 200 --remove eic")
	require.NotContains(t, w.asRoot("semodule --list-modules=full"), " eic ")
}

// Since OpenSSH 9.8, sshd-session runs eic, and a policy may have the domain sshd_session_t
// for it. Debian's policy has no such domain, so the test adds it.
func TestSELinuxDomainIsEnteredFromSSHDSession(t *testing.T) {
	w, query := installModule(t)
	w.asRoot(`
		echo '(type sshd_session_t) (typeattributeset domain (sshd_session_t)) (roletype system_r sshd_session_t)' > session.cil
		semodule --noreload --install session.cil`)
	require.Contains(t, query("sesearch --type_trans --target eic_exec_t --source sshd_session_t"),
		"type_transition sshd_session_t eic_exec_t:process eic_t;")
}
