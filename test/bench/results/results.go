// Package results is what a run of the bench found out, as it is kept in a file.
package results

import (
	"encoding/json"
	"os"
	"path/filepath"

	"eic/test/bench/stats"
	"eic/test/bench/trips"
)

// Results are those of one run.
type Results struct {
	Machine Machine
	// Processes are single runs, each program's against the floor's.
	Processes []Process
	// Confinement is what confinement costs.
	Confinement []Gap
	// Logins are those of a real ssh through a real sshd.
	Logins []Login
	// Growth says how time grows with one thing each.
	Growth []Growth
	// Fleet is for a reckoning of many machines.
	Fleet *Fleet
}

// Fleet is the CPU time, in milliseconds, of a miss, and of a helper that starts a
// hundred processes.
type Fleet struct{ Miss, Helper stats.Summary }

// Machine is where the bench ran.
type Machine struct {
	CPU, Kernel, Go string
	Cores           int
	// Load is the load average (proc(5)) when the bench began.
	Load float64
	// Binary is the size of eic in bytes.
	Binary int64
}

// Process is what one program took in one case.
type Process struct {
	Case, Program string
	// Delay passes before each answer of the metadata service, in milliseconds.
	Delay float64
	// Wall and CPU are in milliseconds.
	Wall, CPU stats.Summary
	// WallRatio and CPURatio are those to the floor.
	WallRatio, CPURatio stats.Interval
	// Peak is the most memory that any of the runs had, in bytes.
	Peak int64
	Cost trips.Cost
}

// Gap is how much longer one takes than the other, in milliseconds.
type Gap struct {
	Case      string
	Wall, CPU stats.Interval
}

// Login is what one way to answer sshd makes of a login.
type Login struct {
	Way string
	// Wall is the time from the start of ssh to its end, in milliseconds.
	Wall stats.Summary
	// More is how much more it is than with the floor program.
	More stats.Interval
}

// Growth is how the time of some programs grows with one thing.
type Growth struct {
	// Name is for a file, and Of and Unit say what grows.
	Name, Of, Unit string
	Lines          []Line
}

// Line is how it grows for one program in one case.
type Line struct {
	Name   string
	Points []Point
}

// Point is the time in milliseconds at one place.
type Point struct {
	X    float64
	Wall stats.Summary
}

// Read reads results from a file.
func Read(file string) (Results, error) {
	var r Results
	text, err := os.ReadFile(file)
	if err != nil {
		return Results{}, err
	}
	return r, json.Unmarshal(text, &r)
}

// Write writes results to a file, and makes the directory that it is in.
func (r Results) Write(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}
