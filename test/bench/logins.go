package main

import (
	"fmt"
	"os"
	"path/filepath"

	"eic/test/bench/lap"
	"eic/test/bench/results"
	"eic/test/bench/scene"
	"eic/test/bench/stats"
	"eic/test/host"
)

// way is a way in which sshd learns of a user's key. Each has a user of its own, so
// that one sshd serves them all.
type way struct {
	name, user string
	program    scene.Program // "" is none: the key is in the user's AuthorizedKeysFile
}

func ways() []way {
	return []way{
		{"AuthorizedKeysFile", "dora", ""},
		{"the floor program", "erin", scene.Floor},
		{"eic", "frank", scene.Eic},
	}
}

// logins measures how long a real ssh takes through a real sshd.
func (b *bench) logins() error {
	var users []string
	for _, w := range ways() {
		users = append(users, w.user)
	}
	return b.on(scene.Options{Users: users}, func([]scene.Case) error {
		key, err := b.scene.NewKey("key", "ed25519")
		if err != nil {
			return err
		}
		if err := b.openWays(key); err != nil {
			return err
		}
		walls := make([][]float64, len(ways()))
		for round := -warmUp; round < b.rounds/2; round++ {
			for i, w := range ways() {
				took, err := b.logIn(w.user, key)
				if err != nil {
					return err
				}
				if round >= 0 {
					walls[i] = append(walls[i], took)
				}
			}
		}
		for i, w := range ways() {
			b.found.Logins = append(b.found.Logins, results.Login{
				Way: w.name, Wall: stats.Of(walls[i]), More: stats.Difference(walls[i], walls[1]),
			})
		}
		return nil
	})
}

// openWays has sshd accept the key from each user in that user's way.
func (b *bench) openWays(key string) error {
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		return err
	}
	matches := ""
	for _, w := range ways() {
		if w.program == "" {
			if err := b.authorize(w.user, public); err != nil {
				return err
			}
			continue
		}
		if _, err := b.scene.Sim.Push(w.user, string(public[:len(public)-1])); err != nil {
			return err
		}
		matches += fmt.Sprintf("Match User %s\nAuthorizedKeysCommand %s\n%s", w.user, w.program.ForSSHD(), host.RunAsServiceUser)
	}
	if err := b.scene.ConfigureMatching(matches); err != nil {
		return err
	}
	return b.scene.StartSSHD()
}

// authorize puts a key where sshd looks by itself.
func (b *bench) authorize(user string, public []byte) error {
	return b.scene.WriteFile(filepath.Join(host.Home(user), ".ssh/authorized_keys"), public)
}

// logIn returns how long it took, in milliseconds.
func (b *bench) logIn(user, key string) (float64, error) {
	cmd := b.scene.SSH(user, key, "echo", user)
	runs, err := b.runner.Do(lap.Order{Command: append([]string{cmd.Path}, cmd.Args[1:]...)})
	if err != nil {
		return 0, err
	}
	if run := runs[0]; run.Status != 0 || run.Stdout != user+"\n" {
		return 0, fmt.Errorf("logging in as %s: exit status %d: %s", user, run.Status, run.Stderr)
	}
	return stats.Milliseconds(runs[0].Took), nil
}
