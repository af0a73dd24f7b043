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

// patience is how long a command that was killed, or has exited, may keep its
// output open: a process that has left its group is not killed with it.
const patience = 100 * time.Millisecond

// Question is what a command is asked.
type Question struct {
	// User and Fingerprint are sshd's %u and %f. Fingerprint may be empty
	// unless the command NeedsFingerprint.
	User, Fingerprint string
	// Environ is what sshd gave this process, as of os.Environ. The command is
	// given those variables that sshd gives every AuthorizedKeysCommand: PATH,
	// USER, LOGNAME, HOME and LANG.
	Environ []string
	// Supervised keeps the command killable by a process that gives up root after
	// Start: another process of this program, which stays root, runs it (Supervise).
	Supervised bool
}

// Run is one run of a command.
type Run struct {
	ctx   context.Context
	ended chan struct{} // closed once keys and err are set
	keys  []byte
	err   error
}

// Start starts the command and returns once it runs, or could not be started.
// It is killed when ctx ends, with every process of its group, and by the
// kernel if this process dies first.
//
// The command has this process's user, no input, and no way to say anything on
// standard error. It is not held by confine.Confine or confine.Become if they come
// later; but then it can be killed only with confine.Needs.Signals, and Supervised.
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
		// The kernel takes the end of the starting thread for that of the
		// process.
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

// Keys waits for the command's end and returns what it printed, unverified but
// whole: lines that all end in a newline, without NUL, at most 1 MiB. It
// returns little later than the context of Start ends, whatever the command
// does.
//
// With an error there are no keys: the command could not be started, did not
// end in time, printed too much or something else than text, or its exit
// status was not 0, at which sshd too drops its keys. A nil Run, that of the
// zero Command, has none and no error.
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
	case <-time.After(2 * patience):
		return nil, fmt.Errorf("%w, and it could not be killed", context.Cause(r.ctx))
	}
}

// process is a command that runs.
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
	// sshd demands of the command it runs that nobody but root can have written
	// it, and would no longer see that of this one.
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
	p.WaitDelay = patience
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

// supervise puts this program between the command and this process. The end of its
// input, which the end of this process brings about too, kills the command.
func (p *process) supervise() error {
	p.Args = append([]string{os.Args[0], Supervisor, p.Path}, p.Args...)
	p.Path = self
	input, err := p.StdinPipe()
	p.Cancel = func() error { return input.Close() }
	return err
}

// self is the file of this program, whatever happened to its name.
const self = "/proc/self/exe"

// Write takes the command's output, and ends a command that floods.
func (p *process) Write(b []byte) (int, error) {
	if p.output.Len()+len(b) > maxOutput {
		err := fmt.Errorf("it printed more than %d bytes", maxOutput)
		p.cancel(err)
		return 0, err
	}
	return p.output.Write(b)
}

func (p *process) killGroup() error { return unix.Kill(-p.Process.Pid, unix.SIGKILL) }

// finish waits for the end of the command itself. Like a shell that is done,
// it leaves nothing behind that could hold its output open.
func (p *process) finish() ([]byte, error) {
	defer p.cancel(nil)
	awaitExit(p.Process.Pid)
	_ = p.killGroup() // usually nobody is left
	err := p.Wait()
	cause := context.Cause(p.ctx)
	switch {
	case errors.Is(err, exec.ErrWaitDelay):
		// It exited with 0. Who still holds its output has left its group.
	case err != nil && cause != nil:
		return nil, cause
	case err != nil:
		return nil, p.failure(err)
	}
	return lines(p.output.Bytes())
}

// failure names the signal that a supervised command died of, as Wait does of another.
func (p *process) failure(err error) error {
	var exit *exec.ExitError
	if p.Path == self && errors.As(err, &exit) && exit.ExitCode() > 128 {
		return fmt.Errorf("signal: %v", unix.Signal(exit.ExitCode()-128))
	}
	return err
}

// lines checks a command's whole output. sshd takes a last line without a
// newline, but another's keys must not be glued to it.
func lines(output []byte) ([]byte, error) {
	if bytes.IndexByte(output, 0) >= 0 {
		return nil, errors.New("what it printed has a NUL character in it, so it is no list of keys")
	}
	if n := len(output); n > 0 && output[n-1] != '\n' {
		output = append(output, '\n')
	}
	return output, nil
}
