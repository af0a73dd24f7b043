package trial

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Result is the result of a process and its cost.
type Result struct {
	Stdout, Stderr string
	// Status is the exit status, or 128 plus the number of the signal that ended the
	// process, as in a shell.
	Status int
	Usage
}

// Usage is the cost of a process.
type Usage struct {
	// Took is the time from the start to the end.
	Took time.Duration
	// CPU is the user and system CPU time.
	CPU time.Duration
	// Peak is the peak memory in bytes. It is right only after Measure, because Linux
	// includes the memory of the parent at the start of the process.
	Peak int64
}

// Run runs a command to its end. It returns an error if the command could not be started.
func Run(cmd *exec.Cmd) (Result, error) {
	p, err := Start(cmd)
	if err != nil {
		return Result{}, err
	}
	return p.Wait()
}

// Process is a running command.
type Process struct {
	*os.Process
	cmd            *exec.Cmd
	start          time.Time
	stdout, stderr bytes.Buffer
}

// Start starts a command.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, start: time.Now()}
	if cmd.Stdout == nil {
		cmd.Stdout = &p.stdout
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.stderr
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("running %s: %w", cmd, err)
	}
	p.Process = cmd.Process
	return p, nil
}

// Wait waits for the end of the command.
func (p *Process) Wait() (Result, error) {
	err := p.cmd.Wait()
	took := time.Since(p.start)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return Result{}, fmt.Errorf("running %s: %w", p.cmd, err)
	}
	return Result{
		Stdout: p.stdout.String(), Stderr: p.stderr.String(),
		Status: status(p.cmd.ProcessState), Usage: usage(p.cmd.ProcessState, took),
	}, nil
}

func status(p *os.ProcessState) int {
	if w, ok := p.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return p.ExitCode()
}

func usage(p *os.ProcessState, took time.Duration) Usage {
	u := Usage{Took: took, CPU: p.UserTime() + p.SystemTime()}
	if r, ok := p.SysUsage().(*syscall.Rusage); ok {
		u.Peak = r.Maxrss << 10
	}
	return u
}

// measureVariable has the command that a copy of this program must measure.
const measureVariable = "EIC_TEST_MEASURE"

// Measure is like Run, but starts the command from a small process, so that Peak is that of the
// command. The command's standard input is empty.
func Measure(path string, args ...string) (Result, error) {
	self, err := os.Executable()
	if err != nil {
		return Result{}, err
	}
	command, err := json.Marshal(append([]string{path}, args...))
	if err != nil {
		return Result{}, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), measureVariable+"="+string(command))
	outer, err := Run(cmd)
	if err != nil {
		return Result{}, err
	}
	var inner Result
	if err := json.Unmarshal([]byte(outer.Stdout), &inner); err != nil {
		return Result{}, fmt.Errorf("measuring %s: %w: %s", command, err, outer.Stderr)
	}
	return inner, nil
}

// MeasureIfAsked does the work of the small process instead of running tests. A TestMain that does
// not call Main must begin with it. The process must use little memory before, because it
// cannot measure a smaller peak than its own.
func MeasureIfAsked() {
	text, ok := os.LookupEnv(measureVariable)
	if !ok {
		return
	}
	var command []string
	err := json.Unmarshal([]byte(text), &command)
	if err == nil {
		var result Result
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Env = []string{"PATH=/usr/bin:/bin"}
		if result, err = Run(cmd); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(result)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
