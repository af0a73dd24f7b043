package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"eic/internal/activekeys"
	"eic/internal/cmdline"
	"eic/internal/confine"
	"eic/internal/doctor"
	"eic/internal/evidence"
	"eic/internal/explain"
	"eic/internal/instance"
	"eic/internal/lookup"
	"eic/internal/settings"
)

const explainAbout = `Tells, step by step, which keys sshd would get for USER and why it would not get
the others, and what to do about it. With FINGERPRINT, only the key of that
fingerprint counts. The question takes the way that sshd's takes: give the flags
that stand in sshd's AuthorizedKeysCommand, and run it as the user that stands
in AuthorizedKeysCommandUser. Nothing goes to the system log, and the command of
--chain is not run. Run by root it ends with what sshd says to USER.

Exit status: 0 a key would be printed; 3 none would, or sshd would refuse it;
1 there is no answer; 2 called wrongly.`

// exitNoKey is for a question that was answered: no key would be printed.
const exitNoKey = 3

// explanation is one call of explain.
type explanation struct {
	call   *settings.Call
	asJSON bool
	save   string
}

func (x *explanation) register(line cmdline.Line) {
	line.BoolVar(&x.asJSON, "json", false, "print one JSON object")
	line.StringVar(&x.save, "save", "", "keep everything that was verified in `DIR`, which must be empty or not exist")
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
	login := x.login(ctx) // before ask confines this process
	record, result, err := x.ask(ctx)
	told := explain.New(program(), record, result, err)
	told.Host = hostname()
	if record.Evidence.Identity.Platform != instance.None {
		told.Login = login
	}
	status := tell("explain", told, x.asJSON, stdout, stderr)
	if directory != nil && !keep(directory, record, x.save, stderr) {
		return exitFailed
	}
	return status
}

// login asks sshd what it says to the user, which only root can, and only for
// this host: --imds-endpoint may be about another.
func (x *explanation) login(ctx context.Context) *explain.Login {
	if os.Getuid() != 0 || x.call.Endpoint != "" || !activekeys.ValidUser(x.call.User) {
		return nil
	}
	report := doctor.Login(ctx, thisHost(x.call.User, false, nil))
	login := &explain.Login{Verdict: explain.Accepts}
	for _, c := range report.Checks {
		switch c.Verdict {
		case doctor.OK:
			continue
		case doctor.Broken:
			login.Verdict = explain.Refuses
		case doctor.NotChecked:
			if login.Verdict == explain.Accepts {
				login.Verdict = explain.Unknown
			}
		}
		login.Problems = append(login.Problems, explain.Problem{ID: c.ID, Verdict: string(c.Verdict), Found: c.Found, Remedy: c.Remedy})
	}
	return login
}

// ask asks as authorized-keys does. The evidence may be written where it is to be
// saved.
func (x *explanation) ask(ctx context.Context) (evidence.Record, lookup.Result, error) {
	s := x.call.Settings
	ctx, cancel := s.Deadline(ctx, time.Now())
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
		if report.Login != nil && report.Login.Verdict == explain.Refuses {
			return exitNoKey
		}
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
