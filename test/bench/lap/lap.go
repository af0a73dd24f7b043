// Package lap runs programs and says what each took.
//
// They are started by a process of its own that does nothing else (Serve, in the
// command runner): Linux counts what a parent had in memory into the peak of the
// child that it starts, and a parent that computes beside the child, as one with a
// simulator in it does, would slow it down.
package lap

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// Order asks for runs of one program.
type Order struct {
	// Command is the program, by its whole path, and its arguments.
	Command []string
	// User and Group are the ids that it runs as.
	User, Group uint32
	// AtOnce is how many are started side by side; 0 is one.
	AtOnce int
}

// Run is how one run went and what it took.
type Run struct {
	// Stdout and Stderr are what it wrote.
	Stdout, Stderr string
	// Status is its exit status, or -1 if a signal ended it.
	Status int
	// Took is the time from the order until it had ended.
	Took time.Duration
	// CPU is the time that it computed, for itself and in the kernel.
	CPU time.Duration
	// Peak is the most memory it had at a time, in bytes.
	Peak int64
}

// Runner is a process that runs programs. It is not for use by several goroutines.
type Runner struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// Start starts the program at path, which must be the command runner.
func Start(path string) (*Runner, error) {
	cmd := exec.Command(path)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the runner: %w", err)
	}
	return newRunner(cmd, in, out), nil
}

func newRunner(cmd *exec.Cmd, in io.WriteCloser, out io.Reader) *Runner {
	return &Runner{cmd, in, json.NewDecoder(out)}
}

// Do carries out an order. It returns one Run for each that was started, in the
// order of their starts.
func (r *Runner) Do(order Order) ([]Run, error) {
	if err := json.NewEncoder(r.in).Encode(order); err != nil {
		return nil, fmt.Errorf("ordering a run: %w", err)
	}
	var done reply
	if err := r.out.Decode(&done); err != nil {
		return nil, fmt.Errorf("running %q: %w", order.Command, err)
	}
	if done.Error != "" {
		return nil, fmt.Errorf("running %q: %s", order.Command, done.Error)
	}
	return done.Runs, nil
}

// Close ends the process.
func (r *Runner) Close() error {
	if err := r.in.Close(); err != nil {
		return err
	}
	return r.cmd.Wait()
}

// reply is what the process says to an order.
type reply struct {
	Runs  []Run
	Error string
}
