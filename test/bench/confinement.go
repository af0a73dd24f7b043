package main

import (
	"eic/test/bench/results"
	"eic/test/bench/scene"
	"eic/test/bench/stats"
)

// confinement compares eic with an eic that lacks it, in turns.
func (b *bench) confinement() error {
	return b.on(scene.Options{}, func(cases []scene.Case) error {
		for _, c := range cases {
			if c.Name != scene.Miss && c.Name != scene.Hit {
				continue
			}
			// The difference is small beside the whole, so it takes more turns.
			found, err := b.inTurns([]contest{{program: scene.Eic, c: c}, {program: scene.Unconfined, c: c}}, 3*b.rounds)
			if err != nil {
				return err
			}
			b.found.Confinement = append(b.found.Confinement, results.Gap{
				Case: c.Name,
				Wall: stats.Difference(found[0].wall, found[1].wall),
				CPU:  stats.Difference(found[0].cpu, found[1].cpu),
			})
		}
		return nil
	})
}
