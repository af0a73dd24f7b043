package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"

	"eic/internal/cmdline"
)

// version and commit are set by the linker.
var (
	version = "development"
	commit  = "unknown"
)

// versionCommand is the name of the command.
const versionCommand = "version"

const versionAbout = "Prints the version, the commit it was built from, and the Go version."

type versionTask struct{ asJSON bool }

func (v *versionTask) register(line cmdline.Line) {
	line.BoolVar(&v.asJSON, "json", false, "print one JSON object")
}

func (v *versionTask) check(context.Context, cmdline.Line) error { return nil }

func (v *versionTask) run(_ context.Context, stdout, stderr io.Writer) int {
	var err error
	if v.asJSON {
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
