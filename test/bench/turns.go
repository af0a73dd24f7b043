package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"eic/test/bench/scene"
)

// taken has the times of one command in milliseconds: the medians of each turn.
type taken struct{ wall, cpu []float64 }

// ratio and more compare this command with another one: medians over all turns of the quotient
// and of the difference.
func (t taken) ratio(other taken) float64 {
	return median(t.wall, other.wall, func(a, b float64) float64 { return a / b })
}

func (t taken) more(other taken) float64 {
	return median(t.wall, other.wall, func(a, b float64) float64 { return a - b })
}

func median(values, others []float64, combine func(a, b float64) float64) float64 {
	combined := slices.Clone(values)
	for i := range combined {
		combined[i] = combine(combined[i], others[i])
	}
	slices.Sort(combined)
	return combined[len(combined)/2]
}

func only(a, _ float64) float64 { return a }

// turn is a command, and where to add its times.
type turn struct {
	command string
	taken   *taken
}

// inTurns runs each command a few times in every round, with hyperfine. So a slow machine slows
// down all commands, and the first command of a round varies.
func inTurns(s *scene.Scene, user string, rounds, runs int, turns ...turn) error {
	for range rounds {
		runtime.GC()
		s.Log.Forget()
		slices.Reverse(turns)
		if err := round(s, user, runs, turns); err != nil {
			return err
		}
	}
	return nil
}

func round(s *scene.Scene, user string, runs int, turns []turn) error {
	export := filepath.Join(s.Dir(), "hyperfine.json")
	if err := errors.Join(os.WriteFile(export, nil, 0o644), os.Chmod(export, 0o666)); err != nil { // hyperfine writes it as the user
		return err
	}
	arguments := []string{"--shell=none", "--style=none", "--warmup=2", "--runs=" + strconv.Itoa(runs), "--export-json=" + export}
	for _, t := range turns {
		arguments = append(arguments, t.command)
	}
	if out, err := s.Command(user, "/usr/bin/hyperfine", arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("hyperfine: %w: %s; the log: %q", err, out, s.Log.Texts("eic"))
	}
	text, err := os.ReadFile(export)
	if err != nil {
		return err
	}
	var found struct {
		Results []struct{ Median, User, System float64 } // seconds; the last two are means
	}
	if err := json.Unmarshal(text, &found); err != nil {
		return fmt.Errorf("reading what hyperfine wrote: %w", err)
	}
	for i, r := range found.Results {
		turns[i].taken.wall = append(turns[i].taken.wall, 1000*r.Median)
		turns[i].taken.cpu = append(turns[i].taken.cpu, 1000*(r.User+r.System))
	}
	return nil
}

// limit is a limit for a measured value. A goal below it may be missed.
type limit struct {
	what              string
	found, goal, most float64
}

// report prints tables for docs/explanation/performance.md, and returns 1 if a value exceeds its limit.
func (b *bench) report(out io.Writer) (status int) {
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(out, "%d cores, %s; load at the end %s\n| measured | goal | limit | found | |\n| --- | --- | --- | --- | --- |\n", runtime.NumCPU(), runtime.Version(), load)
	for _, l := range b.limits {
		verdict := ""
		switch {
		case l.found > l.most:
			verdict, status = "exceeded", 1
		case l.found > l.goal:
			verdict = "goal missed"
		}
		fmt.Fprintf(out, "| %s | %g | %g | %.4g | %s |\n", l.what, l.goal, l.most, l.found, verdict)
	}
	fmt.Fprintf(out, "\n| medians | eic, ms | CPU of eic, ms | floor, ms | CPU of floor, ms | eic ÷ floor | CPU ÷ CPU |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, r := range b.runs {
		fmt.Fprintf(out, "| %s | %.2f | %.2f | %.2f | %.2f | %.3f | %.3f |\n", r.name,
			median(r.eic.wall, r.eic.wall, only), median(r.eic.cpu, r.eic.cpu, only),
			median(r.floor.wall, r.floor.wall, only), median(r.floor.cpu, r.floor.cpu, only),
			r.eic.ratio(r.floor), taken{wall: r.eic.cpu}.ratio(taken{wall: r.floor.cpu}))
	}
	return status
}
