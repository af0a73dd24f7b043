package main

import (
	"fmt"
	"runtime"
	"time"

	"eic/test/bench/lap"
	"eic/test/bench/scene"
	"eic/test/bench/stats"
)

// contest is one program in one case.
type contest struct {
	program scene.Program
	c       scene.Case
	// atOnce is how many are started side by side; 0 is one.
	atOnce int
}

// samples are what the runs of a contest took, turn by turn, in milliseconds.
type samples struct {
	wall, cpu []float64
	peak      int64
}

// warmUp is how many turns are not counted: the first runs read programs from disk,
// and have the simulator sign documents.
const warmUp = 2

// inTurns runs each contest once in every round, in an order that is drawn anew: what
// ran just before leaves caches in a state of its own, and must not always be the same.
func (b *bench) inTurns(contests []contest, rounds int) ([]samples, error) {
	found := make([]samples, len(contests))
	for round := -warmUp; round < rounds; round++ {
		runtime.GC()
		for _, i := range b.order.Perm(len(contests)) {
			runs, err := b.run(contests[i])
			if err != nil {
				return nil, err
			}
			if round >= 0 {
				found[i].add(runs)
			}
		}
	}
	return found, nil
}

// run runs a contest once and checks that what was to be measured happened.
func (b *bench) run(c contest) ([]lap.Run, error) {
	id := b.scene.ServiceID
	runs, err := b.runner.Do(lap.Order{Command: c.program.Command(c.c), User: id, Group: id, AtOnce: c.atOnce})
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		if err := c.program.Check(c.c, run); err != nil {
			return nil, fmt.Errorf("%w; it took %s; the log: %q", err, run.Took, b.scene.Log.Texts("eic"))
		}
	}
	b.scene.Log.Forget()
	return runs, nil
}

// add adds one turn: the time until the last of its runs had ended, and the mean of
// what they computed.
func (s *samples) add(runs []lap.Run) {
	var wall, cpu time.Duration
	for _, run := range runs {
		wall = max(wall, run.Took)
		cpu += run.CPU
		s.peak = max(s.peak, run.Peak)
	}
	s.wall = append(s.wall, stats.Milliseconds(wall))
	s.cpu = append(s.cpu, stats.Milliseconds(cpu/time.Duration(len(runs))))
}

// joined puts the samples of each contest behind those that there are.
func joined(found, more []samples) []samples {
	if found == nil {
		return more
	}
	for i, m := range more {
		found[i].wall = append(found[i].wall, m.wall...)
		found[i].cpu = append(found[i].cpu, m.cpu...)
		found[i].peak = max(found[i].peak, m.peak)
	}
	return found
}
