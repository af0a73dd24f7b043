package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"eic/internal/audit"
	"eic/internal/authorize"
	"eic/internal/confine"
	"eic/internal/inquiry"
)

const authorizedKeysAbout = `Prints the public keys that somebody with the right IAM permission pushed for
USER in the last minute, for sshd's AuthorizedKeysCommand. With FINGERPRINT,
only the key of that fingerprint. Only keys whose signature, signer, instance
and expiry were verified are printed. What was printed or refused, and why, is
in the system log (authpriv).

Exit status: 0 answered, also when the answer is no key; 1 could not answer;
2 called wrongly.`

func runAuthorizedKeys(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := newFlags("authorized-keys", "USER [FINGERPRINT]", authorizedKeysAbout)
	var t terms
	t.register(flags)
	logTo := flags.String("log", "syslog", "send events to the system log or to standard error (`syslog|stderr`)")
	if status, done := flags.parse(args, 1, 2, stdout, stderr); done {
		return status
	}
	user, fingerprint := flags.Arg(0), flags.Arg(1)
	wrong := t.check(flags)
	log, err := newLog(*logTo, stderr)
	if wrong == nil {
		wrong = err
	}
	if wrong == nil && flags.NArg() == 2 && !authorize.ValidFingerprint(fingerprint) {
		wrong = fmt.Errorf("the fingerprint is %q, expected SHA256:… or MD5:… as sshd's %%f gives it", fingerprint)
	}
	if wrong != nil {
		flags.wrong(stderr, wrong)
		log.Write(audit.Failure(audit.Error, user, wrong))
		return exitUsage
	}
	return answer(ctx, t, user, fingerprint, log, stdout)
}

// newLog returns the log asked for, and with an error the system log.
func newLog(to string, stderr io.Writer) (audit.Log, error) {
	switch to {
	case "stderr":
		return audit.Writer{W: stderr}, nil
	case "syslog":
		return audit.NewSyslog(audit.Sockets()...), nil
	default:
		return audit.NewSyslog(audit.Sockets()...), fmt.Errorf("--log: %q is neither syslog nor stderr", to)
	}
}

// answer asks, and writes the keys in one write after everything is decided.
func answer(ctx context.Context, t terms, user, fingerprint string, log audit.Log, stdout io.Writer) int {
	ctx, cancel := context.WithTimeoutCause(ctx, t.budget, fmt.Errorf("the budget of %s is spent", t.budget))
	defer cancel()
	report, err := ask(ctx, &t, user, fingerprint, log)
	for _, event := range events(user, report, err) {
		log.Write(event)
	}
	if err != nil {
		return exitFailed
	}
	if err := writeKeys(stdout, report.Verdict.Decisions); err != nil {
		log.Write(audit.Failure(audit.Error, user, fmt.Errorf("writing the keys to sshd: %w", err)))
		return exitFailed
	}
	return exitOK
}

// ask loads what it must from files, then confines the process before the
// first byte from the network is read.
func ask(ctx context.Context, t *terms, user, fingerprint string, log audit.Log) (inquiry.Report, error) {
	if err := t.loadAnchors(); err != nil {
		return inquiry.Report{}, err
	}
	source, question := t.inquiry(user, fingerprint)
	source.BeforeNetwork = func() error {
		log.Open()
		return confine.Confine(t.needs())
	}
	return inquiry.Ask(ctx, source, question, time.Now())
}

// events returns what is logged of an inquiry. After a failure the keys that
// were left undecided are no events of their own.
func events(user string, report inquiry.Report, err error) []audit.Event {
	if err == nil {
		return audit.Decisions(user, report.Verdict.Decisions)
	}
	severity := audit.Error
	if errors.Is(err, inquiry.ErrUntrusted) {
		severity = audit.Warning
	}
	return []audit.Event{audit.Failure(severity, user, err)}
}

func writeKeys(stdout io.Writer, decisions []authorize.Decision) error {
	var text bytes.Buffer
	for _, d := range decisions {
		if line := d.Line(); line != nil {
			text.Write(line)
			text.WriteByte('\n')
		}
	}
	if text.Len() == 0 {
		return nil
	}
	_, err := stdout.Write(text.Bytes())
	if errors.Is(err, syscall.EPIPE) {
		return nil // sshd has what it wanted
	}
	return err
}
