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

// Without root, the first message must be to run the command as root, and not an error of
// sshd.
func TestCommandWithoutRootAsksForRoot(t *testing.T) {
	needs.Root(t)
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, host.Build(t.Context(), dir))
	asNobody := func(args ...string) ([]byte, error) {
		c := exec.Command(filepath.Join(dir, "eic"), args...)
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return c.CombinedOutput()
	}
	for command, flag := range map[string]string{"enable": "--config=/does/not/exist", "disable": "--dry-run"} {
		output, err := asNobody(command, flag)
		exit := new(exec.ExitError)
		require.ErrorAs(t, err, &exit, "%s", output)
		require.Equal(t, exitFailed, exit.ExitCode())
		require.Equal(t, "eic "+command+" must run as root; run: sudo eic "+command+"\n", string(output))
		_, err = asNobody(command, "--help")
		require.NoError(t, err, "expected help without root")
	}
}
