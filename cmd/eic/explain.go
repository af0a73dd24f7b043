package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"

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

const explainAbout = `Shows, step by step, which keys sshd would get for USER, why it would not get the
others, and what to do. With FINGERPRINT, only the key with that fingerprint
counts. Run as root, explain uses the flags and the user of sshd's
AuthorizedKeysCommand, and ends with what sshd says about a login of USER. With
flags given here, or with --as-given, it uses the flags given here instead, and
runs as the calling user. It writes nothing to the system log and does not run
the command of --chain.

Exit status: 0 a key would be printed; 3 no key would be printed, or sshd would
refuse it; 1 there is no answer; 2 called wrongly.`

// exitNoKey means that the answer is that no key would be printed.
const exitNoKey = 3

// explanation is one call of explain.
type explanation struct {
	call   *settings.Call
	asJSON bool
	save   string
	// asGiven is set if the lookup does not use sshd's user and flags. why says why not.
	asGiven   bool
	why       string
	uid       int                 // whose files are trusted besides root's
	directory *evidence.Directory // for --save, or nil
	keys      doctor.KeyPolicy    // sshd's, for this user
}

// ownFlags are the flags that do not affect the lookup.
func ownFlags() []string { return []string{"json", "save", "as-given"} }

func (x *explanation) register(line cmdline.Line) {
	line.BoolVar(&x.asJSON, "json", false, "print one JSON object (docs/reference/explain.md)")
	line.StringVar(&x.save, "save", "", "save all evidence in `DIR`, which must be empty or not exist")
	line.BoolVar(&x.asGiven, "as-given", false, "as root, do not use the flags and user of sshd's command")
	x.call.Register(line.FlagSet)
	// Accepted because they may be in sshd's command, and ignored.
	line.Lookup("log").Hidden, line.Lookup("log-format").Hidden = true, true
}

func (x *explanation) check(ctx context.Context, line cmdline.Line) error {
	line.Visit(func(f *pflag.Flag) {
		if !x.asGiven && !slices.Contains(ownFlags(), f.Name) {
			x.asGiven, x.why = true, "without these flags, explain uses those of sshd's command"
		}
	})
	x.call.User, x.call.Fingerprint = line.Arg(0), line.Arg(1)
	if line.NArg() == 2 {
		if err := x.call.CheckFingerprint(true, x.call.Fingerprint); err != nil {
			return err
		}
	}
	x.uid = os.Getuid()
	return x.call.Read(ctx, settings.Files{Host: settings.File, UID: x.uid})
}

func (x *explanation) run(ctx context.Context, stdout, stderr io.Writer) int {
	if x.save != "" {
		var err error
		if x.directory, err = evidence.Create(x.save); err != nil {
			fmt.Fprintf(stderr, "eic explain: %v\n", err)
			return exitFailed
		}
		defer x.directory.Close()
	}
	login, asked, err := x.prepare(ctx) // before ask confines this process
	if err != nil {
		fmt.Fprintf(stderr, "eic explain: asking as sshd does: %v\n", err)
		return exitFailed
	}
	record, result, err := x.ask(ctx)
	told := explain.New(program(), record, result, err)
	told.Host, told.Asked = hostname(), asked
	if record.Evidence.Identity.Platform != instance.None {
		told.Login = login
		told.CheckKeys(func(kind string, bits int) (found, remedy string, refused bool) {
			f, refused := x.keys.Refuses(kind, bits)
			return f.Found, f.Remedy, refused
		})
	}
	status := printReport("explain", told, x.asJSON, stdout, stderr)
	if x.directory != nil && !saveEvidence(x.directory, record, x.save, stderr) {
		return exitFailed
	}
	return status
}

// prepare asks sshd what it says about the user. Unless asGiven is set, it also takes the
// flags of sshd's command and becomes the user that sshd runs eic as. Both need root, and
// apply to this host only: with --imds-endpoint, another host may be meant.
func (x *explanation) prepare(ctx context.Context) (*explain.Login, *explain.Asked, error) {
	if os.Getuid() != 0 {
		return nil, nil, nil
	}
	given := &explain.Asked{User: "root", Flags: x.call.Given(), Note: x.why}
	if x.asGiven && x.call.Endpoint != "" || !activekeys.ValidUser(x.call.User) {
		return nil, given, nil
	}
	report, sshds, err := doctor.Login(ctx, thisHost(x.call.User, false, nil))
	login := loginOf(report)
	x.keys = report.Keys
	switch {
	case x.asGiven:
		return login, given, nil
	case err != nil:
		given.Note = err.Error()
		return login, given, nil
	case sshds.Wrong != nil:
		return nil, nil, sshds.Wrong
	}
	user, err := x.asSSHD(ctx, sshds)
	return login, &explain.Asked{AsSSHD: true, Program: sshds.Program, User: user, Flags: sshds.Flags}, err
}

// asSSHD takes the flags of sshd's command and becomes its user permanently. It then
// reads the settings as that user, who may be unable to read them. It returns the user's
// name.
func (x *explanation) asSSHD(ctx context.Context, sshds doctor.Invocation) (string, error) {
	line, s := cmdline.New("authorized-keys", "", 0, 0), settings.New()
	s.Register(line.FlagSet)
	if err := line.Read(sshds.Flags); err != nil {
		return "", err
	}
	as := sshds.Account
	if as.UID != 0 {
		var groups []int
		for _, group := range as.Groups {
			groups = append(groups, int(group.GID))
		}
		if err := x.become(as.UID, as.GID, groups...); err != nil {
			return "", err
		}
	}
	if err := s.Read(ctx, settings.Files{Host: settings.File}); err != nil {
		return "", err
	}
	x.call.Settings = s
	if s.RunAs == "" {
		return as.Name, nil
	}
	runAs, err := findRunAs(ctx, s.RunAs)
	if err == nil && runAs.changes() {
		err = x.become(runAs.uid, runAs.gid)
	}
	return s.RunAs, err
}

// become also changes the owner of the directory for the evidence. That directory remains
// reachable as the working directory.
func (x *explanation) become(uid, gid uint32, groups ...int) error {
	if x.directory != nil {
		if err := x.directory.HandOver(int(uid), int(gid)); err != nil {
			return err
		}
	}
	return confine.Become(uid, gid, groups...)
}

// loginOf returns what a report says about the login.
func loginOf(report doctor.Report) *explain.Login {
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

// ask makes the lookup as authorized-keys does. The process may still write to the
// evidence's directory.
func (x *explanation) ask(ctx context.Context) (evidence.Record, lookup.Result, error) {
	s := x.call.Settings
	ctx, cancel := s.Deadline(ctx, time.Now())
	defer cancel()
	record := evidence.Record{
		Program:    program(),
		Evidence:   lookup.Evidence{Time: time.Now()},
		Options:    s.LookupOptions(x.call.User, x.call.Fingerprint),
		AnyMachine: s.AnyMachine,
		Anchors:    evidence.Anchors{Setting: s.TrustAnchors},
	}
	if err := s.LoadAnchors(ctx, x.uid); err != nil {
		record.Failure = &evidence.Failure{Stage: evidence.StageAnchors, Message: err.Error()}
		return record, lookup.Result{}, record.Failure
	}
	record.Anchors.Kept = s.AnchorsText()
	source := s.Source()
	source.BeforeNetwork = func() error {
		needs := s.Needs()
		if x.save != "" {
			needs.WriteBelow = []string{x.directory.Path()}
		}
		return confine.Confine(needs)
	}
	return explain.Ask(ctx, source, record, record.Evidence.Time)
}

// program returns the name and version of this program.
func program() string { return "eic " + version }

// printReport prints the report of a command, and returns the matching exit status.
func printReport(command string, report explain.Explanation, asJSON bool, stdout, stderr io.Writer) int {
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

// saveEvidence saves the evidence, and reports whether that worked.
func saveEvidence(directory *evidence.Directory, record evidence.Record, name string, stderr io.Writer) bool {
	sum, err := directory.Save(record)
	if err != nil {
		fmt.Fprintf(stderr, "eic explain: %v\n", err)
		return false
	}
	fmt.Fprintf(stderr, "the evidence is in %s; the SHA-256 of its SHA256SUMS is %s\n", name, sum)
	return true
}
