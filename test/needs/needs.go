// Package needs declares what a test requires. If a requirement is missing, the test is
// skipped with the reason, so that anybody can run "go test ./...". If CI is "true", the
// test fails instead, so that nothing is skipped unnoticed. With -short, as in "make
// check", a test that needs root or a program is always skipped.
package needs

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// Root requires that the test runs as root, and on Linux: root's tests use namespaces,
// mounts and other users' processes.
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

// Tool requires a program, by its name or its path, and returns its path.
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
