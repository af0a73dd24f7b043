//go:build packages

package packages

import (
	"debug/elf"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// Debian and Fedora set build flags, such as those for a PIE. Our own build is static: it has
// no ELF interpreter, and runs on every distribution and in an empty chroot.
func TestDistributionFlagsReachTheBuild(t *testing.T) {
	for name, test := range map[string]struct {
		flags       []string
		kind        elf.Type
		interpreted bool
	}{
		"our own flags":   {nil, elf.ET_EXEC, false},
		"flags for a PIE": {[]string{"GOFLAGS=-buildmode=pie"}, elf.ET_DYN, true},
	} {
		t.Run(name, func(t *testing.T) {
			stage := t.TempDir()
			program := filepath.Join(stage, runtime.GOARCH, "eic")
			require.NoError(t, inModule(t.Context(), nil, "make", append(test.flags, "STAGE="+stage, program)...))
			file, err := elf.Open(program)
			require.NoError(t, err)
			defer func() { require.NoError(t, file.Close()) }()
			require.Equal(t, test.kind, file.Type)
			interpreted := false
			for _, segment := range file.Progs {
				interpreted = interpreted || segment.Type == elf.PT_INTERP
			}
			require.Equal(t, test.interpreted, interpreted)
			require.NoError(t, exec.Command(program, "version").Run())
		})
	}
}
