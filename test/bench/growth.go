package main

import (
	"fmt"
	"strings"
	"time"

	"eic/test/bench/results"
	"eic/test/bench/scene"
	"eic/test/bench/stats"
)

// growth measures how the time of a run grows with one thing each.
func (b *bench) growth() error {
	for _, measure := range []func() (results.Growth, error){
		b.growthOfKeys, b.growthOfDocument, b.growthOfDelay, b.growthOfLogins,
	} {
		grown, err := measure()
		if err != nil {
			return err
		}
		b.found.Growth = append(b.found.Growth, grown)
	}
	return nil
}

// line is a line of a plot: contests of one program, one at each place.
type line struct {
	name string
	contest
}

// place measures one place of a plot, and adds it to the plot's lines.
func (b *bench) place(g *results.Growth, x float64, rounds int, lines ...line) error {
	var contests []contest
	for _, l := range lines {
		contests = append(contests, l.contest)
	}
	found, err := b.inTurns(contests, rounds)
	if err != nil {
		return fmt.Errorf("at %v %s: %w", x, g.Unit, err)
	}
	if g.Lines == nil {
		g.Lines = make([]results.Line, len(lines))
	}
	for i, l := range lines {
		g.Lines[i].Name = l.name
		g.Lines[i].Points = append(g.Lines[i].Points, results.Point{X: x, Wall: stats.Of(found[i].wall)})
	}
	return nil
}

// growthOfKeys asks for one key among many, as sshd does, and for all of them, each
// of which has a signature to verify.
func (b *bench) growthOfKeys() (results.Growth, error) {
	g := results.Growth{Name: "keys", Of: "keys in the document", Unit: "keys"}
	err := b.on(scene.Options{}, func([]scene.Case) error {
		for _, keys := range []int{1, 100, 200, 300, 400, 600, 800, 1000} {
			user := fmt.Sprintf("keys%d", keys)
			last, err := b.scene.Push(user, keys)
			if err != nil {
				return err
			}
			one := scene.Case{Name: "one key", User: user, Fingerprint: last, Served: keys, Printed: 1}
			all := scene.Case{Name: "all keys", User: user, Served: keys, Printed: keys}
			if err := b.place(&g, float64(keys), b.few(),
				line{"eic, all keys asked for", contest{program: scene.Eic, c: all}},
				line{"eic, one key asked for", contest{program: scene.Eic, c: one}},
				line{"floor", contest{program: scene.Floor, c: one}},
			); err != nil {
				return err
			}
		}
		return nil
	})
	return g, err
}

// growthOfDocument has keys with the longest comments that the API takes.
func (b *bench) growthOfDocument() (results.Growth, error) {
	g := results.Growth{Name: "document", Of: "size of the document", Unit: "KiB"}
	err := b.on(scene.Options{}, func([]scene.Case) error {
		for _, keys := range []int{1, 40, 80, 120, 160, 220} {
			user := fmt.Sprintf("long%d", keys)
			last, err := b.scene.PushLong(user, keys)
			if err != nil {
				return err
			}
			size, err := b.scene.DocumentSize(user)
			if err != nil {
				return err
			}
			c := scene.Case{Name: "long", User: user, Fingerprint: last, Served: keys, Printed: 1}
			if err := b.place(&g, float64(size)/1024, b.few(),
				line{"eic", contest{program: scene.Eic, c: c}}, line{"floor", contest{program: scene.Floor, c: c}},
			); err != nil {
				return err
			}
		}
		return nil
	})
	return g, err
}

func (b *bench) growthOfDelay() (results.Growth, error) {
	g := results.Growth{Name: "delay", Of: "delay of each answer", Unit: "ms"}
	for _, delay := range []int{0, 1, 2, 5, 10, 20} {
		err := b.on(scene.Options{Delay: time.Duration(delay) * time.Millisecond}, func(cases []scene.Case) error {
			return b.place(&g, float64(delay), b.few(), missAndHit(cases, 1)...)
		})
		if err != nil {
			return g, err
		}
	}
	return g, nil
}

func (b *bench) growthOfLogins() (results.Growth, error) {
	g := results.Growth{Name: "logins", Of: "logins at once, until the last is answered", Unit: "logins"}
	err := b.on(scene.Options{}, func(cases []scene.Case) error {
		for _, logins := range []int{1, 16, 32, 64, 96, 128, 192, 256} {
			if err := b.place(&g, float64(logins), b.few()/4, missAndHit(cases, logins)...); err != nil {
				return err
			}
		}
		return nil
	})
	return g, err
}

// missAndHit are the lines of a plot for both cases and both programs.
func missAndHit(cases []scene.Case, atOnce int) []line {
	var lines []line
	for _, c := range cases {
		if c.Name != scene.Miss && c.Name != scene.Hit {
			continue
		}
		for _, p := range []scene.Program{scene.Eic, scene.Floor} {
			name := fmt.Sprintf("%s, %s", strings.TrimPrefix(string(p), "eic-"), c.Name)
			lines = append(lines, line{name, contest{p, c, atOnce}})
		}
	}
	return lines
}

// few is how many rounds a place in a plot gets.
func (b *bench) few() int { return max(b.rounds/5, 4) }
