// Package trial puts the program on trial. It builds eic as it is released and serves
// it a metadata service whose every answer is the test's to choose. It runs eic as
// a process of its own, whose time and memory are measured.
//
// It verifies nothing; the tests say what an answer should be.
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

// programVariable tells where Main has put eic.
const programVariable = "EIC_TEST_PROGRAM"

// program is the path of the program that is on trial.
func program() string { return os.Getenv(programVariable) }

// Main is to be called by a package's TestMain. It builds the program, has
// up to parallel tests run side by side, since they wait more than they compute, and
// runs them. It does not return.
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

// Parallel has up to n tests run side by side. It is for tests that wait more than they
// compute, and to be called by a TestMain.
func Parallel(n int) {
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(err)
	}
}
