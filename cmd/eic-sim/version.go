package main

import (
	"fmt"
	"io"
	"runtime"
)

// version and commit are set by the linker.
var (
	version = "development"
	commit  = "unknown"
)

func runVersion(args []string, stdout, stderr io.Writer) int {
	c := command{name: "version", about: "Prints the version, the commit it was built from, and the Go version."}
	if status, done := c.parse(args, stdout, stderr); done {
		return status
	}
	fmt.Fprintf(stdout, "eic-sim %s (commit %s, %s)\n", version, commit, runtime.Version())
	return exitOK
}
