// Package guard limits what the product costs: the requests that it sends to the metadata
// service, and its size. A change that makes it cost more must change the limits here.
//
// The command bench and the benchmarks here print times, instructions and allocations. No
// test fails because of those.
package guard

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/bench/scene"
	"eic/test/host"
	"eic/test/host/hosttest"
	"eic/test/needs"
)

func TestMain(m *testing.M) { os.Exit(hosttest.Main(m, scene.Build)) }

// mostBytes is the maximum size of a released eic in bytes. About 1.4 MB of it is the AWS SDK.
const mostBytes = 8_200_000

func TestReleasedProgramIsSmall(t *testing.T) {
	needs.Root(t)
	info, err := os.Stat(filepath.Join(host.Prepared(), "eic"))
	require.NoError(t, err)
	t.Logf("%d bytes", info.Size())
	require.LessOrEqual(t, info.Size(), int64(mostBytes))
}

// The benchmarks must measure a program with the flags of a release.
func TestBenchmarksUseTheFlagsOfTheMakefile(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(makefile), "\nGOBUILD := ")
	require.True(t, found, "the Makefile does not define GOBUILD")
	recipe, _, _ := strings.Cut(rest, "\n")
	require.Contains(t, recipe, "CGO_ENABLED=0 go build ")
	for _, flag := range host.ReleaseFlags() {
		name, value, _ := strings.Cut(flag, "=")
		require.Contains(t, recipe, " "+name)
		require.Contains(t, recipe, value)
	}
}
