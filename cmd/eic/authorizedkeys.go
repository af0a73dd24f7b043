package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"eic/internal/audit"
	"eic/internal/authorize"
	"eic/internal/cmdline"
	"eic/internal/confine"
	"eic/internal/lookup"
	"eic/internal/othercommand"
	"eic/internal/settings"
)

const authorizedKeysAbout = `Prints the public keys that were pushed for USER in the last minute, for sshd's
AuthorizedKeysCommand. With FINGERPRINT, prints only the key with that
fingerprint. A key is printed only if its signature, signer, instance and expiry
were verified. The system log (authpriv) says which keys were printed or
refused, and why.

Exit status: 0 answered, even if there is no key; 1 could not answer; 2 called
wrongly.`

// authorizedKeys is one call of authorized-keys.
type authorizedKeys struct {
	call    *settings.Call
	environ []string
	start   time.Time // the budget starts here, so that it covers reading the settings
}

func (a *authorizedKeys) register(line cmdline.Line) { a.call.Register(line.FlagSet) }

func (a *authorizedKeys) check(ctx context.Context, line cmdline.Line) error {
	a.start = time.Now()
	return a.call.Complete(ctx, line, settings.Files{Host: settings.File})
}

// logWrong logs an error in the command line. sshd discards what its command writes to
// stderr.
func (a *authorizedKeys) logWrong(line cmdline.Line, stderr io.Writer, err error) {
	a.call.OpenLog(stderr).Write(audit.Failure(audit.CalledWrongly, line.Arg(0), err))
}

func (a *authorizedKeys) run(ctx context.Context, stdout, stderr io.Writer) int {
	ctx, cancel := a.call.Deadline(ctx, a.start)
	defer cancel()
	q := othercommand.Question{User: a.call.User, Fingerprint: a.call.Fingerprint, Environ: a.environ}
	return answer(ctx, a.call.Settings, q, a.call.OpenLog(stderr), stdout)
}

// answer looks up the keys and writes them in one write, after everything is decided:
// eic's keys first, then those of the chained command. A failure of one does not cost the
// other its keys, so answer has failed only if there are no keys.
func answer(ctx context.Context, s *settings.Settings, q othercommand.Question, log audit.Log, stdout io.Writer) int {
	ctx, cancel := s.Deadline(ctx, time.Now())
	defer cancel()
	if s.Chain.Program() != "" {
		var release context.CancelFunc
		ctx, release = catchSignals(ctx)
		defer release()
	}
	user, err := findRunAs(ctx, s.RunAs)
	q.Supervised = user.changes()
	chained := s.Chain.Start(ctx, q) // before ask confines this process
	var report lookup.Answer
	if err == nil {
		report, err = ask(ctx, s, user, q, log)
	}
	others, chainErr := chained.Keys()
	authorize.Expire(report.Result.Decisions, time.Now()) // the chained command may have taken a while
	for _, event := range events(q.User, report, err) {
		log.Write(event)
	}
	var keys []byte
	if err == nil {
		keys = keyLines(report.Result.Decisions)
	}
	if chainErr != nil {
		log.Write(audit.Chain(s.Chain.Program(), q.User, chainErr))
	}
	if err := writeKeys(ctx, stdout, append(keys, others...)); err != nil {
		log.Write(audit.Failure(audit.Unanswered, q.User, fmt.Errorf("writing the keys to sshd: %w", err)))
		return exitFailed
	}
	if err != nil && len(others) == 0 {
		return exitFailed
	}
	return exitOK
}

// ask reads the files that it needs, becomes another user if it must, and confines the
// process, all before it reads the first byte from the network.
func ask(ctx context.Context, s *settings.Settings, as runAs, q othercommand.Question, log audit.Log) (lookup.Answer, error) {
	if err := s.LoadAnchors(ctx, 0); err != nil {
		return lookup.Answer{}, err
	}
	source := s.Source()
	source.BeforeNetwork = func() error {
		log.Open()
		if err := as.become(); err != nil {
			return err
		}
		needs := s.Needs()
		needs.Signals = s.Chain.Program() != "" // to end the command in time
		return confine.Confine(needs)
	}
	return lookup.Ask(ctx, source, s.LookupOptions(q.User, q.Fingerprint), time.Now())
}

// events returns the events to log for a lookup. After a failure, undecided keys are not
// events of their own.
func events(user string, report lookup.Answer, err error) []audit.Event {
	if err == nil {
		return audit.Decisions(user, report.Result.Decisions)
	}
	kind := audit.Unanswered
	if errors.Is(err, lookup.ErrUntrusted) {
		kind = audit.SignerUntrusted
	}
	return []audit.Event{audit.Failure(kind, user, err)}
}

func keyLines(decisions []authorize.Decision) []byte {
	var text []byte
	for _, d := range decisions {
		if line := d.Line(); line != nil {
			text = append(append(text, line...), '\n')
		}
	}
	return text
}

// leastWrite is the minimum time that sshd has to read the keys, even if the budget is
// spent.
const leastWrite = time.Second

// writeKeys writes until ctx ends. sshd up to 7.4 stops reading at the key that it looks
// for, and then waits. If the remaining keys do not fit into the pipe, writing them would
// delay the login until LoginGraceTime ends it (bugzilla.mindrot.org 2655).
func writeKeys(ctx context.Context, stdout io.Writer, keys []byte) error {
	if len(keys) == 0 {
		return nil
	}
	patience := leastWrite
	if deadline, bounded := ctx.Deadline(); bounded {
		patience = max(patience, time.Until(deadline))
	}
	written := make(chan error, 1)
	go func() {
		_, err := stdout.Write(keys)
		written <- err
	}()
	select {
	case err := <-written:
		if errors.Is(err, syscall.EPIPE) {
			return nil // sshd has the key that it wanted
		}
		return err
	case <-time.After(patience):
		return nil // as above: sshd reads no more
	}
}

// catchSignals turns signals that would end this process into the end of ctx. A chained
// command then ends too, and a half-done change is undone.
func catchSignals(ctx context.Context) (context.Context, context.CancelFunc) {
	// The chained command would inherit an ignored SIGPIPE, and sshd's commands must die
	// of it. A caught signal is not inherited. In this process a write then fails with an
	// error.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
}
