package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Result is the result of a program.
type Result struct {
	Stdout, Stderr string
	Status         int
}

// Capture runs a command to its end, and kills it when the context ends. It returns an error if
// the command could not be run or was killed. A status other than 0 is not an error.
func Capture(ctx context.Context, cmd *exec.Cmd) (Result, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		return Result{}, fmt.Errorf("running %s: %w", cmd, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() }) // it may have ended
	err := cmd.Wait()
	stop()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		err = nil
	}
	if err != nil {
		return Result{}, fmt.Errorf("running %s: %w: %s", cmd, err, stderr.Bytes())
	}
	return Result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}, nil
}

// mustRun runs a command and returns an error unless it succeeds.
func mustRun(cmd *exec.Cmd) error {
	result, err := Capture(context.Background(), cmd)
	if err == nil && result.Status != 0 {
		err = fmt.Errorf("%s: exit status %d: %s", cmd, result.Status, result.Stderr)
	}
	return err
}

// Command returns a command that runs a program of the host, by its absolute path, as one of
// the host's users.
func (h *Host) Command(user, program string, args ...string) *exec.Cmd {
	argv := append([]string{program}, args...)
	if user != "root" {
		argv = append([]string{Setpriv, "--reuid=" + user, "--regid=" + user, "--clear-groups", "--"}, argv...)
	}
	cmd := &exec.Cmd{Path: argv[0], Args: argv, Dir: "/", Env: environment()}
	if h.options.Root != "/" {
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: h.options.Root}
	}
	return cmd
}

// here returns a command that runs a program of this machine, outside of the host.
func here(program string, args ...string) *exec.Cmd {
	return &exec.Cmd{Path: program, Args: append([]string{program}, args...), Dir: "/", Env: environment()}
}

// environment returns the environment of every program, whoever runs the test.
func environment() []string {
	return []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent", "LANG=C.UTF-8"}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
