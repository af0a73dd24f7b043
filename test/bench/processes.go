package main

import (
	"errors"
	"slices"
	"time"

	"eic/test/bench/results"
	"eic/test/bench/scene"
	"eic/test/bench/stats"
	"eic/test/bench/trips"
)

// countDelay is the delay with which round trips are counted. It is far longer than
// what any program takes between two requests that need not wait for each other.
const countDelay = 200 * time.Millisecond

// competitors are the programs that single runs are measured of, the floor last.
func competitors() []scene.Program {
	if scene.Installed(scene.Against) {
		return []scene.Program{scene.Eic, scene.Against, scene.Floor}
	}
	return []scene.Program{scene.Eic, scene.Floor}
}

// processes measures single runs in every case.
func (b *bench) processes() error {
	costs, err := b.costs()
	if err != nil {
		return err
	}
	for _, delay := range b.delays {
		for _, fault := range []string{"", scene.Forged} {
			if err := b.compete(delay, fault, costs); err != nil {
				return err
			}
		}
	}
	return nil
}

// costs counts what each program asks for in each case.
func (b *bench) costs() (map[string]trips.Cost, error) {
	costs := map[string]trips.Cost{}
	for _, fault := range []string{"", scene.Forged} {
		err := b.on(scene.Options{Delay: countDelay, Fault: fault, Count: true}, func(cases []scene.Case) error {
			if _, err := b.scene.Cost(); err != nil { // of pushing the keys
				return err
			}
			for _, c := range cases {
				for _, p := range competitors() {
					if _, err := b.run(contest{program: p, c: c}); err != nil {
						return err
					}
					var err error
					if costs[costKey(p, c)], err = b.scene.Cost(); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return costs, nil
}

func costKey(p scene.Program, c scene.Case) string { return string(p) + " " + c.Name }

// on opens a scene with its cases for as long as a function runs.
func (b *bench) on(options scene.Options, do func([]scene.Case) error) error {
	options.Keys = b.keys
	var err error
	if b.scene, err = scene.Open(options); err != nil {
		return err
	}
	cases, err := b.scene.Cases()
	if err == nil {
		err = do(cases)
	}
	return errors.Join(err, b.scene.Close())
}

// scenes is how many scenes the rounds of a measurement are shared out to. Where in
// memory a program's file comes to lie makes a difference of some hundredths, for as long
// as it lies there.
const scenes = 5

// compete measures all programs in all cases.
func (b *bench) compete(delay time.Duration, fault string, costs map[string]trips.Cost) error {
	var contests []contest
	var found []samples
	for range scenes {
		err := b.on(scene.Options{Delay: delay, Fault: fault}, func(cases []scene.Case) error {
			contests = nil
			for _, c := range cases {
				for _, p := range competitors() {
					contests = append(contests, contest{program: p, c: c})
				}
			}
			more, err := b.inTurns(contests, max(b.rounds/scenes, 1))
			found = joined(found, more)
			return err
		})
		if err != nil {
			return err
		}
	}
	for i, c := range contests {
		floor := found[slices.Index(contests, contest{program: scene.Floor, c: c.c})]
		b.found.Processes = append(b.found.Processes, results.Process{
			Case: c.c.Name, Program: string(c.program), Delay: stats.Milliseconds(delay),
			Wall: stats.Of(found[i].wall), CPU: stats.Of(found[i].cpu), Peak: found[i].peak,
			WallRatio: stats.Ratio(found[i].wall, floor.wall), CPURatio: stats.Ratio(found[i].cpu, floor.cpu),
			Cost: costs[costKey(c.program, c.c)],
		})
	}
	return nil
}
