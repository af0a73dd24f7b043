// Command bench compares the cost of eic with the floor, a program that only sends the same
// requests through the AWS SDK. It measures single runs, the requests on the wire, and logins
// of a real ssh through a real sshd. It prints tables in Markdown and fails above a limit.
//
// hyperfine runs and times the programs. The command needs root, as package host does, and an
// idle machine.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"eic/internal/sim/ca"
	"eic/test/bench/scene"
	"eic/test/bench/trips"
	"eic/test/host"
)

func main() {
	rounds := pflag.Int("rounds", 40, "let the programs take `N` turns")
	pflag.Parse()
	os.Exit(host.Run(scene.Build, func() int {
		debug.SetGCPercent(-1) // the simulator is in this process; garbage is collected only between turns
		b := &bench{rounds: *rounds, keys: new(ca.Keys)}
		if err := b.all(); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %v\n", err)
			return 1
		}
		return b.report(os.Stdout)
	}))
}

// bench is one run of the command, with its results.
type bench struct {
	rounds int
	keys   *ca.Keys
	limits []limit
	runs   []run
	peak   float64 // the highest peak memory of eic, in MiB
}

// run is the cost of eic in a case, compared with the floor.
type run struct {
	name       string
	eic, floor taken
}

func (b *bench) all() error {
	info, err := os.Stat(filepath.Join(host.Prepared(), "eic"))
	if err != nil {
		return err
	}
	b.limits = append(b.limits, limit{"size of the stripped binary, MB", float64(info.Size()) / 1e6, 8.2, 8.2})
	return errors.Join(b.singleRuns(0, 1.12, 1.5, 1.7), b.singleRuns(time.Millisecond, 1.05, 1.3, 1.4), b.wire(), b.logIn())
}

// on opens a scene, runs a function in it, and closes it.
func (b *bench) on(options scene.Options, do func(*scene.Scene) error) error {
	options.Keys = b.keys
	s, err := scene.Open(options)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

// asked is the question of sshd in a case, and the number of lines that eic and the floor print.
type asked struct {
	name            string
	eic, floor      []string
	keys, floorKeys int
}

// cases returns the cases and pushes their keys.
func cases(s *scene.Scene) ([]asked, error) {
	one, err := s.Push("alice", 1)
	if err != nil {
		return nil, err
	}
	last, err := s.Push("carol", 200)
	return []asked{
		{"a miss", []string{host.Binary, "authorized-keys", "bob", one}, scene.Floor("bob"), 0, 0},
		{"a hit", scene.Eic("alice", one), scene.Floor("alice"), 1, 1},
		{"a hit among 200 keys", scene.Eic("carol", last), scene.Floor("carol"), 1, 200},
	}, err
}

// scenes is the number of scenes that share the rounds. The place of a program's file in memory
// changes its time by some hundredths, and stays the same in one scene.
const scenes = 5

// singleRuns compares single runs. most has the limits for a miss and for a hit.
func (b *bench) singleRuns(delay time.Duration, goal float64, most ...float64) error {
	found := make([]run, 3)
	for range scenes {
		err := b.on(scene.Options{Delay: delay}, func(s *scene.Scene) error {
			all, err := cases(s)
			for i := 0; err == nil && i < len(all); i++ {
				found[i].name = fmt.Sprintf("%s at %d ms", all[i].name, delay.Milliseconds())
				err = b.compare(s, all[i], &found[i])
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	b.runs = append(b.runs, found...)
	for i, r := range found[:len(most)] {
		b.limits = append(b.limits, limit{r.name + " × floor", r.eic.ratio(r.floor), goal, most[i]})
	}
	return nil
}

// compare adds the results of another scene to those of a case.
func (b *bench) compare(s *scene.Scene, c asked, r *run) error {
	// The first run waits until all keys are signed, which takes longer than eic's budget.
	if _, err := once(s, c.floor, c.floorKeys); err != nil {
		return err
	}
	if err := b.remember(s, c.eic, c.keys); err != nil {
		return err
	}
	return inTurns(s, host.ServiceUser, max(b.rounds/scenes, 1), 20,
		turn{strings.Join(c.eic, " "), &r.eic}, turn{strings.Join(c.floor, " "), &r.floor})
}

// remember keeps the peak memory of a run of eic.
func (b *bench) remember(s *scene.Scene, command []string, keys int) error {
	memory, err := once(s, command, keys)
	b.peak = max(b.peak, memory)
	return err
}

// once runs a command, checks its result, and returns its peak memory in MiB.
func once(s *scene.Scene, command []string, keys int) (float64, error) {
	result, err := host.Capture(context.Background(), s.Command(host.ServiceUser, "/usr/bin/time", append([]string{"-f", "%M"}, command...)...))
	if err != nil {
		return 0, err
	}
	if n := strings.Count(result.Stdout, "\n"); result.Status != 0 || n != keys {
		return 0, fmt.Errorf("%q: exit status %d and %d keys, expected 0 and %d: %s", command, result.Status, n, keys, result.Stderr)
	}
	lines := strings.Fields(result.Stderr)
	kibibytes, err := strconv.ParseFloat(lines[len(lines)-1], 64)
	return kibibytes / 1024, err
}

// wire counts requests and round trips. Its delay is much longer than the time between two
// requests of a program that do not wait for each other. It also lets eic read a document of
// the maximum length.
func (b *bench) wire() error {
	return b.on(scene.Options{Delay: 200 * time.Millisecond, Count: true}, func(s *scene.Scene) error {
		all, err := cases(s)
		var costs [2]trips.Cost
		for i := 0; err == nil && i < len(costs); i++ {
			_, err = s.Cost() // forgets earlier requests
			err = errors.Join(err, b.remember(s, all[i].eic, all[i].keys))
			if err == nil {
				costs[i], err = s.Cost()
			}
		}
		b.limits = append(b.limits,
			limit{"requests of a miss", float64(costs[0].Requests), 2, 2},
			limit{"connections of a miss", float64(costs[0].Connections), 1, 1},
			limit{"requests of a hit", float64(costs[1].Requests), 9, 9},
			limit{"round trips of a hit, in sequence", float64(costs[1].Depth), 4, 4})
		if err == nil {
			_, err = s.Push("mallory", 1500)
		}
		if err == nil {
			_, err = once(s, scene.Floor("mallory"), 1500)
		}
		err = errors.Join(err, b.remember(s, scene.Eic("mallory", ""), 1500))
		b.limits = append(b.limits, limit{"peak memory, MiB", b.peak, 16, 16})
		return err
	})
}

// logIn measures logins of a real ssh through a real sshd: with the floor as its command, with
// eic, and with the key in the user's own file. Each way has its own user.
func (b *bench) logIn() error {
	users := []string{"erin", "frank", "grace"}
	return b.on(scene.Options{Users: users}, func(s *scene.Scene) error {
		key, err := s.NewKey("key", "ed25519")
		if err != nil {
			return err
		}
		public, err := os.ReadFile(key + ".pub")
		if err != nil {
			return err
		}
		_, floorErr := s.Sim.Push("erin", strings.TrimSpace(string(public)))
		_, eicErr := s.Sim.Push("frank", strings.TrimSpace(string(public)))
		const block = "Match User %s\nAuthorizedKeysCommand %s\n" + host.RunAsServiceUser
		if err := errors.Join(floorErr, eicErr,
			s.WriteFile(filepath.Join(host.Home("grace"), ".ssh/authorized_keys"), public),
			s.ConfigureMatching(fmt.Sprintf(block+block, "erin", strings.Join(scene.Floor("%u"), " "), "frank", strings.Join(scene.Eic("%u", "%f"), " "))),
			s.StartSSHD(),
		); err != nil {
			return err
		}
		var found [3]taken
		var turns []turn
		for i, user := range users {
			turns = append(turns, turn{strings.Join(s.SSH(user, key, "true").Args, " "), &found[i]})
		}
		if err := inTurns(s, "root", max(b.rounds/4, 1), 6, turns...); err != nil {
			return err
		}
		b.runs = append(b.runs, run{"a login", found[1], found[0]}, run{"the same, with the key in a file", found[2], found[0]})
		b.limits = append(b.limits, limit{"a login, ms more than with the floor", found[1].more(found[0]), 5, 30})
		return nil
	})
}
