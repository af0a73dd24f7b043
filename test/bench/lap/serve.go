package lap

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"
)

// Serve carries out orders until there are no more. Garbage is collected between
// orders, never beside a run.
func Serve(orders io.Reader, replies io.Writer) error {
	debug.SetGCPercent(-1)
	in, out := json.NewDecoder(orders), json.NewEncoder(replies)
	for {
		var order Order
		if err := in.Decode(&order); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		runtime.GC()
		runs, err := carryOut(order)
		done := reply{Runs: runs}
		if err != nil {
			done.Error = err.Error()
		}
		if err := out.Encode(done); err != nil {
			return err
		}
	}
}

func carryOut(order Order) ([]Run, error) {
	runs := make([]Run, max(order.AtOnce, 1))
	failures := make([]error, len(runs))
	start := time.Now()
	var group sync.WaitGroup
	for i := range runs {
		group.Go(func() {
			runs[i], failures[i] = once(order)
			runs[i].Took = time.Since(start)
		})
	}
	group.Wait()
	return runs, errors.Join(failures...)
}

// once runs the program with the environment that sshd gives.
func once(order Order) (Run, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(order.Command[0], order.Command[1:]...)
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/games", "USER=eic", "LOGNAME=eic", "HOME=/nonexistent"}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: order.User, Gid: order.Group}}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return Run{}, err
	}
	run := Run{
		Stdout: stdout.String(), Stderr: stderr.String(), Status: cmd.ProcessState.ExitCode(),
		CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		run.Peak = usage.Maxrss << 10
	}
	return run, nil
}
