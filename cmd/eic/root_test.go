package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
	"eic/test/needs"
)

// Whoever forgets sudo is told so first, and not what sshd says to strangers.
func TestCommandsThatMustRunAsRootSayIt(t *testing.T) {
	needs.Root(t)
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, host.Build(t.Context(), dir))
	for _, command := range []string{"enable", "disable"} {
		c := exec.Command(filepath.Join(dir, "eic"), command, "--dry-run")
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		output, err := c.CombinedOutput()
		exit := new(exec.ExitError)
		require.ErrorAs(t, err, &exit, "%s", output)
		require.Equal(t, exitFailed, exit.ExitCode())
		require.Equal(t, "eic "+command+" must run as root; run: sudo eic "+command+"\n", string(output))
	}
}
