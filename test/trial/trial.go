// Package trial runs the released program against a metadata service whose answers the test
// chooses. eic is a separate process, and the package measures its time and memory.
//
// The package verifies nothing. The tests check the results.
package trial

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"eic/test/host"
)

// programVariable has the path of the eic that Main has built.
const programVariable = "EIC_TEST_PROGRAM"

// program returns the path of the program under test.
func program() string { return os.Getenv(programVariable) }

// Main is for a package's TestMain. It builds the program and runs the tests, up to parallel of
// them at a time, because they mostly wait. It does not return.
func Main(m *testing.M, parallel int) {
	MeasureIfAsked()
	status, err := run(m, parallel)
	if err != nil {
		fmt.Fprintf(os.Stderr, "preparing the trial: %v\n", err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M, parallel int) (int, error) {
	Parallel(parallel)
	dir, err := os.MkdirTemp("", "eic-trial-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a directory of temporary files
	if err := host.Build(context.Background(), dir); err != nil {
		return 0, err
	}
	if err := os.Setenv(programVariable, filepath.Join(dir, "eic")); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// Parallel allows up to n tests to run in parallel. It is for a TestMain whose tests mostly wait.
func Parallel(n int) {
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(err)
	}
}
