package othercommand

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"eic/internal/argv"
	"eic/internal/trustedfile"
)

// maxOutput is how much a command may print, in bytes.
const maxOutput = 1 << 20

// outputDelay is how long the output may stay open after a command has ended. A process that
// left the command's process group is not killed, and can hold the output open.
const outputDelay = 100 * time.Millisecond

// Question is the input of one run of a command.
type Question struct {
	// User and Fingerprint are sshd's %u and %f. Fingerprint may be empty unless the
	// command NeedsFingerprint.
	User, Fingerprint string
	// Environ is the environment that sshd gave this process, in the form of os.Environ.
	// The command receives the variables that sshd gives every AuthorizedKeysCommand:
	// PATH, USER, LOGNAME, HOME and LANG.
	Environ []string
	// Supervised lets this process kill the command even after it gave up root: another
	// process of this program, which stays root, runs the command (see Supervise).
	Supervised bool
}

// Run is one run of a command.
type Run struct {
	ctx   context.Context
	ended chan struct{} // closed once keys and err are set
	keys  []byte
	err   error
}

// Start starts the command. It returns once the command runs, or has failed to start. The
// command and every process of its group are killed when ctx ends, and by the kernel if
// this process dies first.
//
// The command runs as this process's user, with no input, and its standard error is
// discarded. A later confine.Confine or confine.Become does not affect it. To be killed
// after that, it needs confine.Needs.Signals and Supervised.
//
// The zero Command runs nothing.
func (c Command) Start(ctx context.Context, q Question) *Run {
	if c.program == "" {
		return nil
	}
	r := &Run{ctx: ctx, ended: make(chan struct{})}
	started := make(chan struct{})
	go func() {
		defer close(r.ended)
		// The kernel's parent-death signal is sent when the thread that started the
		// command ends, not the process. Therefore this thread must live on.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		p, err := c.start(ctx, q)
		close(started)
		if err == nil {
			r.keys, err = p.finish()
		}
		r.err = err
	}()
	<-started
	return r
}

// Keys waits for the command to end and returns what it printed, unverified: complete
// lines without NUL, at most 1 MiB. It returns soon after the context of Start ends,
// whatever the command does.
//
// It returns an error, and no keys, if the command could not be started, did not end in
// time, printed too much, printed something other than text, or exited with a status
// other than 0. For such a status sshd discards the keys too. A nil Run, from the zero
// Command, has no keys and no error.
func (r *Run) Keys() ([]byte, error) {
	if r == nil {
		return nil, nil
	}
	select {
	case <-r.ended:
		return r.keys, r.err
	case <-r.ctx.Done():
	}
	select {
	case <-r.ended:
		return r.keys, r.err
	case <-time.After(2 * outputDelay):
		return nil, fmt.Errorf("%w, and it could not be killed", context.Cause(r.ctx))
	}
}

// process is a running command.
type process struct {
	*exec.Cmd
	ctx    context.Context
	cancel context.CancelCauseFunc
	output bytes.Buffer
}

func (c Command) start(ctx context.Context, q Question) (*process, error) {
	if err := checkPlatform(); err != nil {
		return nil, err
	}
	// sshd requires that only root can have written the command that it runs. sshd does
	// not check this command, so eic does.
	file, err := trustedfile.Program(os.DirFS("/"), c.program, nil)
	if err != nil {
		return nil, err
	}
	args, err := argv.Expand(c.arguments, tokens(q.User, q.Fingerprint))
	if err != nil {
		return nil, err
	}
	p := &process{}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	p.Cmd = exec.CommandContext(p.ctx, file, args...)
	p.Args[0] = c.program
	p.Env = environment(q.Environ)
	p.Stdout = p
	p.SysProcAttr = ownGroup()
	p.Cancel = p.killGroup
	p.WaitDelay = outputDelay
	if q.Supervised {
		err = p.supervise()
	}
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		p.cancel(nil)
		return nil, err
	}
	return p, nil
}

// supervise runs the command through another process of this program. That process kills
// the command at the end of its input, which comes at the latest when this process ends.
func (p *process) supervise() error {
	p.Args = append([]string{os.Args[0], Supervisor, p.Path}, p.Args...)
	p.Path = self
	input, err := p.StdinPipe()
	p.Cancel = func() error { return input.Close() }
	return err
}

// self is this program's file, even after it was renamed or replaced.
const self = "/proc/self/exe"

// Write receives the command's output, and ends a command that prints too much.
func (p *process) Write(b []byte) (int, error) {
	if p.output.Len()+len(b) > maxOutput {
		err := fmt.Errorf("the command printed more than %d bytes", maxOutput)
		p.cancel(err)
		return 0, err
	}
	return p.output.Write(b)
}

func (p *process) killGroup() error { return unix.Kill(-p.Process.Pid, unix.SIGKILL) }

// finish waits for the command itself to end. It then kills the rest of its process
// group, which could keep its output open.
func (p *process) finish() ([]byte, error) {
	defer p.cancel(nil)
	awaitExit(p.Process.Pid)
	_ = p.killGroup() // usually no process is left
	err := p.Wait()
	cause := context.Cause(p.ctx)
	switch {
	case errors.Is(err, exec.ErrWaitDelay):
		// The command exited with status 0. A process outside of its process group still
		// holds its output open.
	case err != nil && cause != nil:
		return nil, cause
	case err != nil:
		return nil, p.failure(err)
	}
	return lines(p.output.Bytes())
}

// failure returns err, but names the signal that a supervised command died of, as Wait
// does for other commands.
func (p *process) failure(err error) error {
	var exit *exec.ExitError
	if p.Path == self && errors.As(err, &exit) && exit.ExitCode() > 128 {
		return fmt.Errorf("signal: %v", unix.Signal(exit.ExitCode()-128))
	}
	return err
}

// lines checks the whole output of a command. It adds a missing newline at the end: sshd
// would accept the last line without one, but another command's keys may follow.
func lines(output []byte) ([]byte, error) {
	if bytes.IndexByte(output, 0) >= 0 {
		return nil, errors.New("the command's output contains a NUL, expected lines of text")
	}
	if n := len(output); n > 0 && output[n-1] != '\n' {
		output = append(output, '\n')
	}
	return output, nil
}
