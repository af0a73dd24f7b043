package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"eic/internal/sim"
	"eic/test/host"
)

// budget is the time limit of a run, plus the time to start a process on a busy machine.
const budget = 5200 * time.Millisecond

// load is a number of runs of one command, some of them in parallel.
type load struct {
	runs, atOnce int
	sim          sim.Options
}

// outcome is the result of a load.
type outcome struct {
	load
	lost     int
	first    string // the error of the first lost run
	times    []time.Duration
	cpu      time.Duration
	requests int
}

// run starts a host for the load and does its runs there. A run is lost if it does not print the
// pushed key within the budget.
func (l load) run() (outcome, error) {
	h, err := host.Start(host.Options{Users: []string{user}, Sim: l.sim})
	if err != nil {
		return outcome{}, err
	}
	defer h.Close() //nolint:errcheck // everything ends with the program's namespaces
	if err := h.Install(); err != nil {
		return outcome{}, err
	}
	key, err := pushedKey(h)
	if err != nil {
		return outcome{}, err
	}
	h.Sim.ResetStats()
	o := outcome{load: l}
	var mu sync.Mutex
	inParallel(l.runs, l.atOnce, func() {
		took, cpu, problem := once(key)
		mu.Lock()
		defer mu.Unlock()
		o.times = append(o.times, took)
		o.cpu += cpu
		if problem != "" {
			if o.lost++; o.first == "" {
				o.first = problem
			}
		}
	})
	o.requests = h.Sim.Stats().Total()
	slices.Sort(o.times)
	return o, nil
}

// once runs the command that the packages configure. It returns the time that it took, and a
// description of the problem, or "".
func once(key string) (took, cpu time.Duration, problem string) {
	var stdout, stderr bytes.Buffer
	command := exec.Command(host.Binary, "authorized-keys", "--log=stderr", "--trust-anchors", host.TrustAnchors, user)
	command.Stdout, command.Stderr = &stdout, &stderr
	command.Env = []string{}
	start := time.Now()
	err := command.Run()
	took = time.Since(start)
	if state := command.ProcessState; state != nil {
		cpu = state.UserTime() + state.SystemTime()
	}
	switch {
	case err != nil || stdout.String() != key:
		return took, cpu, fmt.Sprintf("%v, printed %q, said %q", err, stdout.String(), stderr.String())
	case took > budget:
		return took, cpu, fmt.Sprintf("took %s", took)
	default:
		return took, cpu, ""
	}
}

// inParallel calls work n times, at most atOnce calls in parallel.
func inParallel(n, atOnce int, work func()) {
	turns := make(chan struct{}, atOnce)
	var group sync.WaitGroup
	for range n {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			work()
		})
	}
	group.Wait()
}

// String returns the row of the table.
func (o outcome) String() string {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	at := func(share float64) float64 { return ms(o.times[int(share*float64(len(o.times)-1))]) }
	return fmt.Sprintf("%4d  %7d  %5s  %8.0f%%  %4d  %7.1f  %7.1f  %7.1f  %10.2f  %12.2f",
		o.runs, o.atOnce, o.sim.Delay, 100*o.sim.Throttle, o.lost, at(0.5), at(0.99), at(1),
		ms(o.cpu)/float64(o.runs), float64(o.requests)/float64(o.runs))
}

const user = "alice"

// pushedKey generates a key, pushes it, and returns the line that must be printed.
func pushedKey(h *host.Host) (string, error) {
	file, err := h.NewKey("load", "ed25519")
	if err != nil {
		return "", err
	}
	line, err := os.ReadFile(file + ".pub")
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(line))
	_, err = h.Sim.Push(user, text)
	return text + "\n", err
}
