package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"eic/internal/cmdline"
	"eic/internal/confine"
	"eic/internal/evidence"
	"eic/internal/explain"
	"eic/internal/lookup"
	"eic/internal/settings"
)

const explainAbout = `Tells, step by step, which keys sshd would get for USER and why it would not get
the others, and what to do about it. With FINGERPRINT, only the key of that
fingerprint counts. The question takes the way that sshd's takes: give the flags
that stand in sshd's AuthorizedKeysCommand, and run it as the user that stands
in AuthorizedKeysCommandUser. Nothing goes to the system log, and the command of
--chain is not run.

Exit status: 0 a key would be printed; 3 none would; 1 there is no answer;
2 called wrongly.`

// exitNoKey is for a question that was answered: no key would be printed.
const exitNoKey = 3

// explanation is one call of explain.
type explanation struct {
	call   *settings.Call
	asJSON bool
	save   string
}

func (x *explanation) register(line cmdline.Line) {
	line.BoolVar(&x.asJSON, "json", false, "print one JSON object (docs/explain.md)")
	line.StringVar(&x.save, "save", "", "keep everything that was judged in `DIR`, which must be empty or not exist")
	x.call.Register(line.FlagSet)
	// Taken, as they may stand in sshd's command, and left alone.
	line.Lookup("log").Hidden, line.Lookup("log-format").Hidden = true, true
}

func (x *explanation) check(ctx context.Context, line cmdline.Line) error {
	return x.call.Complete(ctx, line, settings.Files{Host: settings.File, UID: os.Getuid()})
}

func (x *explanation) run(ctx context.Context, stdout, stderr io.Writer) int {
	var directory *evidence.Directory
	if x.save != "" {
		var err error
		if directory, err = evidence.Create(x.save); err != nil {
			fmt.Fprintf(stderr, "eic explain: %v\n", err)
			return exitFailed
		}
		defer directory.Close()
	}
	record, result, err := x.ask(ctx)
	status := tell("explain", explain.New(program(), record, result, err), x.asJSON, stdout, stderr)
	if directory != nil && !keep(directory, record, x.save, stderr) {
		return exitFailed
	}
	return status
}

// ask asks as authorized-keys does. The evidence may be written where it is to be
// saved.
func (x *explanation) ask(ctx context.Context) (evidence.Record, lookup.Result, error) {
	s := x.call.Settings
	ctx, cancel := s.Deadline(ctx)
	defer cancel()
	record := evidence.Record{
		Program:    program(),
		Evidence:   lookup.Evidence{Time: time.Now()},
		Terms:      s.Terms(x.call.User, x.call.Fingerprint),
		AnyMachine: s.AnyMachine,
		Anchors:    evidence.Anchors{Setting: s.TrustAnchors},
	}
	if err := s.LoadAnchors(ctx, os.Getuid()); err != nil {
		record.Failure = &evidence.Failure{Stage: evidence.StageAnchors, Message: err.Error()}
		return record, lookup.Result{}, record.Failure
	}
	record.Anchors.Kept = s.AnchorsText()
	source := s.Source()
	source.BeforeNetwork = func() error {
		needs := s.Needs()
		if x.save != "" {
			needs.WriteBelow = []string{x.save}
		}
		return confine.Confine(needs)
	}
	return explain.Ask(ctx, source, record, record.Evidence.Time)
}

// program names this program and its version.
func program() string { return "eic " + version }

// tell prints the report of a command and returns the exit status that goes with it.
func tell(command string, report explain.Explanation, asJSON bool, stdout, stderr io.Writer) int {
	var err error
	if asJSON {
		err = report.WriteJSON(stdout)
	} else {
		_, color := stdout.(colorful)
		err = report.WriteText(stdout, color)
	}
	if err != nil {
		fmt.Fprintf(stderr, "eic %s: writing the report: %v\n", command, err)
		return exitFailed
	}
	switch report.Outcome {
	case explain.Keys:
		return exitOK
	case explain.NoKey:
		return exitNoKey
	default:
		return exitFailed
	}
}

// keep saves the evidence and reports whether that worked.
func keep(directory *evidence.Directory, record evidence.Record, name string, stderr io.Writer) bool {
	sum, err := directory.Save(record)
	if err != nil {
		fmt.Fprintf(stderr, "eic explain: %v\n", err)
		return false
	}
	fmt.Fprintf(stderr, "the evidence is in %s; the SHA-256 of its SHA256SUMS is %s\n", name, sum)
	return true
}
