package guard

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/bench/scene"
	"eic/test/host"
)

// mostBeforeMain is how many allocations the initialization of all packages may make,
// which every run waits for: what it makes now, and the two or three that the run time
// sometimes adds. Nearly half are golang.org/x/crypto/ssh's.
const mostBeforeMain = 463

// TestBeforeMain shows up work in package-level variables, such as a compiled regular
// expression.
func TestBeforeMain(t *testing.T) {
	cmd := exec.Command(filepath.Join(host.Prepared(), string(scene.Eic)), "version")
	cmd.Env = []string{"GODEBUG=inittrace=1"} // has the run time write a line for each package
	var trace bytes.Buffer
	cmd.Stderr = &trace
	require.NoError(t, cmd.Run())
	total := 0
	for line := range bytes.Lines(trace.Bytes()) {
		var name string
		var at, clock float64
		var size, allocations int
		_, err := fmt.Sscanf(string(line), "init %s @%f ms, %f ms clock, %d bytes, %d allocs", &name, &at, &clock, &size, &allocations)
		require.NoError(t, err, "%s", line)
		total += allocations
	}
	t.Logf("%d allocations", total)
	require.NotZero(t, total)
	require.LessOrEqual(t, total, mostBeforeMain, "%s", trace.Bytes())
}
