//go:build packages

package packages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// install links the module into Debian's policy, which no kernel has to run,
// and returns a function that asks the policy.
func installModule(t *testing.T) (w workshop, query func(command string) []string) {
	t.Helper()
	w = open(t, "tools")
	out := w.asRoot("semodule --noreload --priority 200 --install /src/packaging/selinux/eic.cil")
	require.NotContains(t, out, "eic.cil:", "the module is complained about")
	return w, func(command string) []string {
		t.Helper()
		return strings.Split(strings.TrimSpace(w.must(command+" /etc/selinux/default/policy/policy.*")), "\n")
	}
}

// What the module adds to the policy, for both sides of the transition. That it
// allows anything else would show here.
func TestSELinuxModuleAllowsExactlyThis(t *testing.T) {
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

func TestSELinuxDomainIsReachedAndLeftFor(t *testing.T) {
	w, query := installModule(t)
	require.Contains(t, query("sesearch --allow --source sshd_t --target eic_t --class process --perm transition"),
		"allow eic_caller eic_t:process { signal transition };")
	require.Contains(t, w.asRoot("matchpathcon -f /var/lib/selinux/default/active/file_contexts /usr/bin/eic"),
		"system_u:object_r:eic_exec_t:s0")
	// Nothing from here leads into another domain, or to a file to write but
	// those in /proc that are the process itself.
	require.Equal(t, []string{""}, query("sesearch --allow --source eic_t --class process --perm transition"))
	require.Equal(t, []string{""}, query("sesearch --type_trans --source eic_t --class process"))
	for _, rule := range query("sesearch --allow --source eic_t --class file --perm append,create,unlink,write") {
		require.Contains(t, rule, "allow eic_t eic_t:file")
	}

	w.asRoot("semodule --noreload --priority 200 --remove eic")
	require.NotContains(t, w.asRoot("semodule --list-modules=full"), " eic ")
}

// From OpenSSH 9.8 on the caller may have a domain of its own. Debian's policy
// does not know it; one that does is made here.
func TestSELinuxModuleWithSSHDSession(t *testing.T) {
	w, query := installModule(t)
	w.asRoot(`
		echo '(type sshd_session_t) (typeattributeset domain (sshd_session_t)) (roletype system_r sshd_session_t)' > session.cil
		semodule --noreload --install session.cil`)
	require.Contains(t, query("sesearch --type_trans --target eic_exec_t --source sshd_session_t"),
		"type_transition sshd_session_t eic_exec_t:process eic_t;")
}
