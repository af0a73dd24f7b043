//go:build packages

package packages

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/roots"
)

// qemu returns the path of QEMU's user emulator for arm64. It is statically linked, so it
// runs outside of the root where it is installed.
func qemu(t *testing.T) string {
	t.Helper()
	return filepath.Join(roots.Copy(t, "tools"), "/usr/bin/qemu-aarch64")
}

func TestARM64ProgramRuns(t *testing.T) {
	out, err := exec.Command(qemu(t), filepath.Join(module, "build/stage/arm64/eic"), "version").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "eic ")
}

// These packages decide about keys or parse untrusted text.
func TestKeyDecisionsOnARM64(t *testing.T) {
	cmd := exec.Command("go", "test", "-count=1", "-exec", qemu(t),
		"./internal/activekeys", "./internal/authorize", "./internal/instance", "./internal/trust", "./internal/argv")
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=arm64")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}
