package needs

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMissingToolFailsInCI(t *testing.T) {
	const inside = "EIC_TEST_NEEDS"
	if os.Getenv(inside) != "" {
		Tool(t, "eic-no-such-program")
		panic("the test continued without its tool")
	}
	for ci, verdict := range map[string]string{"true": "FAIL", "": "SKIP"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestMissingToolFailsInCI$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1", "CI="+ci)
		out, err := cmd.CombinedOutput()
		require.Equal(t, ci == "true", err != nil, "%s", out)
		require.Contains(t, string(out), "--- "+verdict+": TestMissingToolFailsInCI")
		require.Contains(t, string(out), "needs the program eic-no-such-program; install it with, as root: test/setup test")
	}
}

func TestToolReturnsThePathOfAProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tool")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755))
	require.Equal(t, path, Tool(t, path))
}
