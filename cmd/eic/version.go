package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

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
		err = json.NewEncoder(stdout).Encode(map[string]string{ // docs/schema/version.json
			"schema": "eic.version/1", "program": program(), "time": time.Now().UTC().Format(time.RFC3339), "host": hostname(),
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

// hostname returns the name of this machine, or "" if it has none.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}
