// Package guard holds the product to what it costs, as far as that is exact: what it
// asks for, how large it is, and what its pure steps allocate. Whoever makes it cost
// more says so here.
//
// What is not exact, times above all, is measured by the command bench and by the
// benchmarks here; no test fails on it.
package guard

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/bench/scene"
	"eic/test/host"
)

func TestMain(m *testing.M) { os.Exit(host.Run(scene.Build("", ""), m.Run)) }

// The size of eic as it is released, in bytes: what it is now, rounded up. The target
// is 8 MB.
const (
	mostBytes = 6_650_000
	// slack is how much smaller it may be before mostBytes has to follow.
	slack = 300_000
)

func TestSize(t *testing.T) {
	info, err := os.Stat(filepath.Join(host.Prepared(), string(scene.Eic)))
	require.NoError(t, err)
	t.Logf("%d bytes", info.Size())
	require.LessOrEqual(t, info.Size(), int64(mostBytes))
	require.Greater(t, info.Size(), int64(mostBytes-slack), "it has become smaller: lower mostBytes, so that it stays so")
}

// What is measured must be what is released.
func TestTheMakefileBuildsWithTheSameFlags(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(makefile), "\nGOBUILD := ")
	require.True(t, found, "the Makefile has no GOBUILD any more")
	recipe, _, _ := strings.Cut(rest, "\n")
	require.Contains(t, recipe, "CGO_ENABLED=0 go build ")
	for _, flag := range host.ReleaseFlags() {
		name, value, _ := strings.Cut(flag, "=")
		require.Contains(t, recipe, " "+name)
		require.Contains(t, recipe, value)
	}
}
