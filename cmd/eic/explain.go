package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"eic/internal/confine"
	"eic/internal/evidence"
	"eic/internal/explain"
	"eic/internal/lookup"
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

func runExplain(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := newFlags("explain", "USER [FINGERPRINT]", explainAbout)
	asJSON := flags.Bool("json", false, "print one JSON object (docs/explain.md)")
	save := flags.String("save", "", "keep everything that was judged in `DIR`, which must be empty or not exist")
	var t terms
	t.register(flags)
	var sshds logging // taken, as it may stand in sshd's command, and left alone
	sshds.register(flags)
	flags.Lookup("log").Hidden, flags.Lookup("log-format").Hidden = true, true
	if status, done := flags.parse(args, 1, 2, stdout, stderr); done {
		return status
	}
	user, fingerprint := flags.Arg(0), flags.Arg(1)
	t.uid = os.Getuid()
	err := t.check(ctx, flags)
	if err == nil {
		_, err = sshds.open(io.Discard)
	}
	if err == nil {
		err = t.checkFingerprint(flags.NArg() == 2, fingerprint)
	}
	if err != nil {
		flags.wrong(stderr, err)
		return exitUsage
	}
	var directory *evidence.Directory
	if *save != "" {
		if directory, err = evidence.Create(*save); err != nil {
			fmt.Fprintf(stderr, "eic explain: %v\n", err)
			return exitFailed
		}
		defer directory.Close()
	}
	record, verdict, err := explained(ctx, t, user, fingerprint, *save)
	status := tell(flags.Name(), explain.New(program(), record, verdict, err), *asJSON, stdout, stderr)
	if directory != nil && !keep(directory, record, *save, stderr) {
		return exitFailed
	}
	return status
}

// explained asks as authorized-keys does. The evidence may be written below
// the folder, unless that is empty.
func explained(ctx context.Context, t terms, user, fingerprint, folder string) (evidence.Record, lookup.Result, error) {
	ctx, cancel := t.deadline(ctx)
	defer cancel()
	source, question := t.inquiry(user, fingerprint)
	record := evidence.Record{
		Program:    program(),
		Evidence:   lookup.Evidence{Time: time.Now()},
		Terms:      question,
		AnyMachine: t.anyMachine,
		Anchors:    evidence.Anchors{Setting: t.anchors},
	}
	if err := t.loadAnchors(ctx); err != nil {
		record.Failure = &evidence.Failure{Stage: evidence.StageAnchors, Message: err.Error()}
		return record, lookup.Result{}, record.Failure
	}
	record.Anchors.Kept = t.anchorsText
	source.BeforeNetwork = func() error {
		needs := t.needs()
		if folder != "" {
			needs.WriteBelow = []string{folder}
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
		_, colour := stdout.(colourful)
		err = report.WriteText(stdout, colour)
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
