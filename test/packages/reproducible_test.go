//go:build packages

package packages

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
)

// A second build, in another directory, at another time and with another umask, yields the
// same bytes.
func TestPackagesAreReproducible(t *testing.T) {
	copied := filepath.Join(t.TempDir(), "elsewhere")
	build := exec.Command("sh", "-euc", `
		umask 077
		cp -rT "$1" "$2"
		cd "$2"
		rm -rf build
		make packages ssm-package`, "sh", module, copied)
	require.NoError(t, run(build))
	for first, second := range map[string]string{
		filepath.Join(host.Prepared(), "new"): "build/packages",
		filepath.Join(module, "build/ssm"):    "build/ssm",
	} {
		entries, err := os.ReadDir(first)
		require.NoError(t, err)
		require.NotEmpty(t, entries)
		for _, e := range entries {
			one, err := os.ReadFile(filepath.Join(first, e.Name()))
			require.NoError(t, err)
			other, err := os.ReadFile(filepath.Join(copied, second, e.Name()))
			require.NoError(t, err)
			require.True(t, string(one) == string(other), "%s differs between two builds", e.Name())
		}
	}
}
