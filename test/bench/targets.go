package main

import (
	"fmt"

	"eic/test/bench/results"
	"eic/test/bench/scene"
)

// target is something that a run of the bench has to show.
type target struct {
	what          string
	value, atMost float64
}

// targets says which targets are met, and reports whether all are. Those that
// nothing was measured for are left out.
func (r reporter) targets(f results.Results) bool {
	targets := []target{{"size of the stripped binary, MB", float64(f.Machine.Binary) / 1e6, 8}}
	targets = append(targets, ofProcesses(f.Processes)...)
	for _, g := range f.Confinement {
		targets = append(targets, target{"confinement of a " + g.Case + ", ms", g.Wall.Estimate, 1})
	}
	for _, l := range f.Logins {
		if l.Way == string(scene.Eic) {
			targets = append(targets, target{"a login, ms more than with the floor program", l.More.Estimate, 10})
		}
	}
	all := true
	fmt.Fprintf(r.out, "\nTargets\n\n")
	for _, t := range targets {
		verdict := "met"
		if t.value > t.atMost {
			verdict, all = "NOT met", false
		}
		fmt.Fprintf(r.out, "%-8s %-50s %8.3f, at most %g\n", verdict, t.what, t.value, t.atMost)
	}
	return all
}

func ofProcesses(found []results.Process) []target {
	var targets []target
	add := func(what string, value, atMost float64) { targets = append(targets, target{what, value, atMost}) }
	for _, delay := range delaysMeasured(found) {
		miss, _ := isOf(found, scene.Miss, delay)
		hit, _ := isOf(found, scene.Hit, delay)
		at := fmt.Sprintf(" at %g ms", delay)
		add("a miss × floor"+at, miss.WallRatio.Estimate, 1.10)
		add("a hit × floor"+at, hit.WallRatio.Estimate, 1.15)
		add("CPU of a miss × floor"+at, miss.CPURatio.Estimate, 1.15)
		// sshd gives a fingerprint, so that it is one key that counts; all 200 printed is
		// what nobody but an administrator asks for.
		many, _ := isOf(found, scene.Many, delay)
		add(scene.Many+" × hit"+at, many.Wall.Median/hit.Wall.Median, 2)
		if delay == 0 {
			add("requests of a miss", float64(miss.Cost.Requests), 2)
			add("connections of a miss", float64(miss.Cost.Connections), 1)
			add("requests of a hit", float64(hit.Cost.Requests), 9)
			add("round trips of a hit", float64(hit.Cost.Depth), 4)
		}
	}
	for _, p := range found {
		if p.Program == string(scene.Eic) && p.Delay == 0 {
			add("peak memory of a "+p.Case+", MiB", float64(p.Peak)/(1<<20), 16)
		}
	}
	return targets
}

func delaysMeasured(found []results.Process) []float64 {
	var delays []float64
	for _, p := range found {
		if p.Case == scene.Miss && p.Program == string(scene.Eic) {
			delays = append(delays, p.Delay)
		}
	}
	return delays
}
