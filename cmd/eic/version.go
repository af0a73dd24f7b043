package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
)

// version and commit are set by the linker.
var (
	version = "development"
	commit  = "unknown"
)

func runVersion(_ context.Context, args []string, stdout, stderr io.Writer) int {
	flags := newFlags("version", "", "Prints the version, the commit it was built from, and the Go version.")
	asJSON := flags.Bool("json", false, "print one JSON object")
	if status, done := flags.parse(args, 0, 0, stdout, stderr); done {
		return status
	}
	var err error
	if *asJSON {
		err = json.NewEncoder(stdout).Encode(map[string]string{
			"version": version, "commit": commit, "go": runtime.Version(),
		})
	} else {
		_, err = fmt.Fprintf(stdout, "eic %s (commit %s, %s)\n", version, commit, runtime.Version())
	}
	if err != nil {
		fmt.Fprintf(stderr, "eic version: %v\n", err)
		return exitFailed
	}
	return exitOK
}
