package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"eic/internal/audit"
	"eic/internal/authorize"
	"eic/internal/confine"
	"eic/internal/lookup"
	"eic/internal/othercommand"
)

const authorizedKeysAbout = `Prints the public keys that somebody with the right IAM permission pushed for
USER in the last minute, for sshd's AuthorizedKeysCommand. With FINGERPRINT,
only the key of that fingerprint. Only keys whose signature, signer, instance
and expiry were verified are printed. What was printed or refused, and why, is
in the system log (authpriv).

Exit status: 0 answered, also when the answer is no key; 1 could not answer;
2 called wrongly.`

func runAuthorizedKeys(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	flags := newFlags("authorized-keys", "USER [FINGERPRINT]", authorizedKeysAbout)
	var t terms
	t.register(flags)
	var l logging
	l.register(flags)
	wrong := flags.read(args, 1, 2)
	if errors.Is(wrong, pflag.ErrHelp) {
		flags.help(stdout)
		return exitOK
	}
	user, fingerprint := flags.Arg(0), flags.Arg(1)
	if wrong == nil {
		wrong = t.check(ctx, flags)
	}
	log, err := l.open(stderr) // as far as flags were read: sshd drops what is said on stderr
	if wrong == nil {
		wrong = err
	}
	if wrong == nil {
		wrong = t.checkFingerprint(flags.NArg() == 2, fingerprint)
	}
	if wrong != nil {
		flags.wrong(stderr, wrong)
		log.Write(audit.Failure(audit.CalledWrongly, user, wrong))
		return exitUsage
	}
	return answer(ctx, t, othercommand.Question{User: user, Fingerprint: fingerprint, Environ: environ}, log, stdout)
}

// checkFingerprint checks FINGERPRINT, as far as it is given.
func (t *terms) checkFingerprint(given bool, fingerprint string) error {
	switch {
	case given && !authorize.ValidFingerprint(fingerprint):
		return fmt.Errorf("the fingerprint is %q, expected SHA256:… or MD5:… as sshd's %%f gives it", fingerprint)
	case !given && t.chained.NeedsFingerprint():
		return errors.New("--chain: its command has %f, expected FINGERPRINT behind USER, as sshd's %f gives it")
	default:
		return nil
	}
}

// answer asks, and writes the keys in one write after everything is decided:
// ours, and behind them those of the chained command, if there is one. Neither
// costs the other its keys, so it has failed only if there are none.
func answer(ctx context.Context, t terms, q othercommand.Question, log audit.Log, stdout io.Writer) int {
	ctx, cancel := t.deadline(ctx)
	defer cancel()
	if t.chained.Program() != "" {
		var release context.CancelFunc
		ctx, release = catchSignals(ctx)
		defer release()
	}
	chained := t.chained.Start(ctx, q) // ask confines this process
	report, err := ask(ctx, &t, q.User, q.Fingerprint, log)
	for _, event := range events(q.User, report, err) {
		log.Write(event)
	}
	var keys []byte
	if err == nil {
		keys = keyLines(report.Result.Decisions)
	}
	others, chainErr := chained.Keys()
	if chainErr != nil {
		log.Write(audit.Chain(t.chained.Program(), q.User, chainErr))
	}
	if err := writeKeys(stdout, append(keys, others...)); err != nil {
		log.Write(audit.Failure(audit.Unanswered, q.User, fmt.Errorf("writing the keys to sshd: %w", err)))
		return exitFailed
	}
	if err != nil && len(others) == 0 {
		return exitFailed
	}
	return exitOK
}

// ask loads what it must from files, then confines the process before the
// first byte from the network is read.
func ask(ctx context.Context, t *terms, user, fingerprint string, log audit.Log) (lookup.Answer, error) {
	if err := t.loadAnchors(ctx); err != nil {
		return lookup.Answer{}, err
	}
	source, question := t.inquiry(user, fingerprint)
	source.BeforeNetwork = func() error {
		log.Open()
		needs := t.needs()
		needs.Signals = t.chained.Program() != "" // to end it in time
		return confine.Confine(needs)
	}
	return lookup.Ask(ctx, source, question, time.Now())
}

// events returns what is logged of an inquiry. After a failure the keys that
// were left undecided are no events of their own.
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

func writeKeys(stdout io.Writer, keys []byte) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := stdout.Write(keys)
	if errors.Is(err, syscall.EPIPE) {
		return nil // sshd has what it wanted
	}
	return err
}
