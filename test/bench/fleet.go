package main

import (
	"eic/test/bench/lap"
	"eic/test/bench/results"
	"eic/test/bench/scene"
	"eic/test/bench/stats"
)

// aHundredProcesses is what a helper costs that starts a hundred processes for an
// answer, before any of them does anything: what is counted in is /bin/true.
const aHundredProcesses = `i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done`

// fleet compares a miss with such a helper, in turns.
func (b *bench) fleet() error {
	return b.on(scene.Options{}, func(cases []scene.Case) error {
		var miss, helper []float64
		for round := -warmUp; round < b.few(); round++ {
			runs, err := b.run(contest{program: scene.Eic, c: cases[0]})
			if err != nil {
				return err
			}
			forks, err := b.runner.Do(lap.Order{Command: []string{"/bin/sh", "-c", aHundredProcesses}})
			if err != nil {
				return err
			}
			if round >= 0 {
				miss = append(miss, stats.Milliseconds(runs[0].CPU))
				helper = append(helper, stats.Milliseconds(forks[0].CPU))
			}
		}
		b.found.Fleet = &results.Fleet{Miss: stats.Of(miss), Helper: stats.Of(helper)}
		return nil
	})
}
