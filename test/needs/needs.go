// Package needs says what a test cannot run without. Where that is missing, the test
// is skipped with the reason, so that anybody can run "go test ./..."; where CI is
// "true" it fails, so that nothing stays untested unnoticed. With -short, a test that
// needs root or a program is always skipped: that is what "make check" runs.
package needs

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// Root needs the test to run as root, which includes Linux: what root does here are
// namespaces, mounts and other users' processes.
func Root(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "linux" {
		missing(t, "needs Linux, not "+runtime.GOOS)
	}
	if testing.Short() {
		t.Skip("needs root, and -short leaves that out")
	}
	if os.Geteuid() != 0 {
		missing(t, "needs root: run it as root, in a container or a throwaway virtual machine")
	}
}

// Tool needs a program, by its name or its path, and returns its path.
func Tool(t testing.TB, program string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the program " + program + ", and -short leaves that out")
	}
	path, err := exec.LookPath(program)
	if err != nil {
		missing(t, "needs the program "+program+"; install it with, as root: test/setup test")
	}
	return path
}

func missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}
