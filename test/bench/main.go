// Command bench measures what eic costs: each kind of run as a process of its own
// against the floor, which makes the same requests and does nothing else; the logins
// of a real ssh through a real sshd; and how all of it grows.
//
// Programs are run in turns, so that what slows the machine down slows all of them
// down. It needs root, as package host does, and a machine with nothing else to do.
package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"eic/internal/sim/ca"
	"eic/test/bench/lap"
	"eic/test/bench/results"
	"eic/test/bench/scene"
	"eic/test/host"
)

func main() {
	rounds := pflag.Int("rounds", 200, "run each program `N` times in each case")
	eic := pflag.String("eic", "", "measure this `FILE` instead of building eic")
	against := pflag.String("against", "", "measure also this `FILE`, another build of eic")
	parts := pflag.StringSlice("parts", partNames(), "measure only these `PARTS`")
	delays := pflag.DurationSlice("delays", []time.Duration{0, time.Millisecond, 5 * time.Millisecond}, "measure single runs with these `TIMES` before each answer of the metadata service")
	out := pflag.String("out", "build/bench.json", "write the results to `FILE`")
	pflag.Parse()
	b := &bench{rounds: *rounds, delays: *delays, keys: new(ca.Keys), order: rand.New(rand.NewPCG(1, 2))}
	os.Exit(host.Run(scene.Build(*eic, *against), func() int { return b.inside(*parts, *out) }))
}

// bench is one run.
type bench struct {
	rounds int
	delays []time.Duration
	keys   *ca.Keys
	order  *rand.Rand // of the turns
	found  results.Results

	runner *lap.Runner
	scene  *scene.Scene // the one that is open
}

// part is a thing to measure. It writes what it found into the results.
type part struct {
	name    string
	measure func(*bench) error
}

func parts() []part {
	return []part{
		{"processes", (*bench).processes},
		{"confinement", (*bench).confinement},
		{"logins", (*bench).logins},
		{"growth", (*bench).growth},
		{"fleet", (*bench).fleet},
	}
}

func partNames() []string {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return names
}

func (b *bench) inside(wanted []string, out string) int {
	met, err := b.measure(wanted, out)
	switch {
	case err != nil:
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		return 1
	case !met:
		return 1
	}
	return 0
}

// measure reports whether every target was met.
func (b *bench) measure(wanted []string, out string) (met bool, err error) {
	for _, name := range wanted {
		if !slices.Contains(partNames(), name) {
			return false, fmt.Errorf("there is no part %q, expected some of %s", name, strings.Join(partNames(), ", "))
		}
	}
	debug.SetGCPercent(-1) // the simulator is in this process; garbage is collected between turns
	if b.runner, err = lap.Start(filepath.Join(host.Prepared(), scene.RunnerFile)); err != nil {
		return false, err
	}
	defer b.runner.Close() //nolint:errcheck // it ends with this process at the latest
	if b.found.Machine, err = machine(); err != nil {
		return false, err
	}
	report := reporter{os.Stdout}
	report.machine(b.found.Machine)
	for _, p := range parts() {
		if !slices.Contains(wanted, p.name) {
			continue
		}
		if err := p.measure(b); err != nil {
			return false, fmt.Errorf("measuring %s: %w", p.name, err)
		}
	}
	report.all(b.found)
	return report.targets(b.found), b.found.Write(out)
}
