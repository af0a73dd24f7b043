package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"eic/internal/activekeys"
	"eic/internal/audit"
	"eic/internal/doctor"
	"eic/internal/metadata"
	"eic/internal/sshd"
)

const doctorAbout = `Checks everything that a login with a pushed key depends on: one line a check,
with its verdict (ok, warning, broken, not checked) and what was found, and for
all that is not ok what to do about it. Nothing is changed. Run it as root: only
root can ask as the user that sshd's command runs as.

The metadata service is asked with the flags that stand in sshd's command, or
with those given here, if there are any.

Exit status: 0 nothing is wrong; 1 something is broken, or the command was
called wrongly, so that a script cannot take that for health; 2 there are
warnings but nothing is broken.`

// Exit statuses of doctor besides exitOK.
const (
	exitBroken   = 1
	exitWarnings = 2
)

func runDoctor(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := newFlags("doctor", "", doctorAbout)
	user := flags.String("user", "root", "tell what sshd says to a login of `NAME` with a pushed key; without it nothing is said about an account")
	offline := flags.Bool("offline", false, "for an image that is being made: leave out what needs a metadata service, and test the verification with a recorded login")
	asJSON := flags.Bool("json", false, "print one JSON object: {\"schema\": 1, \"checks\": [{\"id\", \"title\", \"verdict\", \"found\", \"remedy\"}, …], \"verdict\"}")
	observe := flags.Bool("observe", false, "print what the user who runs this sees, for another process of doctor")
	if err := flags.MarkHidden("observe"); err != nil {
		panic(err)
	}
	own := []string{"user", "offline", "json", "observe"}
	var t terms
	t.register(flags)
	if status, done := flags.parse(args, 0, len(args), stdout, stderr); done {
		return min(status, exitBroken)
	}
	given := givenFlags(flags, own)
	_, _, err := parseKeysArguments(ctx, os.Getuid(), append(slices.Clone(given), "--", *user, doctor.NobodysFingerprint))
	switch {
	case err != nil:
	case !activekeys.ValidUser(*user):
		err = fmt.Errorf("--user: no key can ever be pushed for a user %q", *user)
	case flags.NArg() != 0 && !*observe:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		flags.wrong(stderr, err)
		return exitBroken
	}
	look := func(ctx context.Context, keysFlags []string) (doctor.Observation, error) {
		return observeHost(ctx, keysFlags, *user, *offline)
	}
	if *observe {
		return printObservation(ctx, look, flags.Args(), stdout, stderr)
	}
	host := thisHost(*user, *offline, given, look)
	host.Named = flags.Changed("user")
	report := doctor.Examine(ctx, host)
	return printReport(report, *asJSON, stdout, stderr)
}

// printReport prints the report and returns the exit status. That of a report
// which cannot be written means that something is broken, as health was not
// shown; stderr tells the two apart.
func printReport(report doctor.Report, asJSON bool, stdout, stderr io.Writer) int {
	write := report.WriteText
	if asJSON {
		write = report.WriteJSON
	}
	if err := write(stdout); err != nil {
		fmt.Fprintf(stderr, "eic doctor: writing the report: %v\n", err)
		return exitBroken
	}
	return map[doctor.Verdict]int{doctor.Broken: exitBroken, doctor.Warning: exitWarnings}[report.Verdict]
}

type observer = func(ctx context.Context, keysFlags []string) (doctor.Observation, error)

// thisHost is the machine that this process runs on.
func thisHost(user string, offline bool, keysFlags []string, look observer) doctor.Host {
	executable, err := os.Executable()
	if err != nil {
		executable = sshd.Program // no /proc here
	}
	return doctor.Host{
		Root:       os.DirFS("/"),
		Run:        sshd.Exec("/"),
		RunAs:      doctor.ExecAs,
		Executable: executable,
		UID:        os.Getuid(),
		Now:        time.Now(),
		User:       user,
		Offline:    offline,
		Flags:      keysFlags,
		Observe:    look,
		Label:      doctor.FileLabel,
		Parse: func(args []string) (doctor.Call, error) {
			_, call, err := parseKeysArguments(context.Background(), 0, args)
			return call, err
		},
	}
}

// parseKeysArguments reads the arguments of authorized-keys as that command
// does.
func parseKeysArguments(ctx context.Context, uid int, args []string) (terms, doctor.Call, error) {
	flags := newFlags("authorized-keys", "USER [FINGERPRINT]", "")
	t := terms{uid: uid}
	t.register(flags)
	var l logging
	l.register(flags)
	err := flags.read(args, 1, 2)
	if err == nil {
		err = t.check(ctx, flags)
	}
	if err == nil {
		_, err = l.open(io.Discard)
	}
	call := doctor.Call{User: flags.Arg(0), Fingerprint: flags.Arg(1), CallerEnv: t.callerEnv, KeyOptions: t.keyOptions}
	if err == nil {
		err = t.checkFingerprint(flags.NArg() == 2, call.Fingerprint)
	}
	if err != nil {
		return terms{}, doctor.Call{}, err
	}
	call.Flags = args[:len(args)-flags.NArg()]
	if n := len(call.Flags); n > 0 && call.Flags[n-1] == "--" {
		call.Flags = call.Flags[:n-1]
	}
	return t, call, nil
}

// givenFlags are the flags of authorized-keys among those given, or nil.
func givenFlags(flags flagSet, own []string) []string {
	var given []string
	flags.Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, isList := f.Value.(pflag.SliceValue); isList {
			values = list.GetSlice()
		}
		for _, value := range values {
			if !slices.Contains(own, f.Name) {
				given = append(given, "--"+f.Name+"="+value)
			}
		}
	})
	return given
}

// observeHost looks at this host as authorized-keys with these flags would.
func observeHost(ctx context.Context, keysFlags []string, user string, offline bool) (doctor.Observation, error) {
	t, _, err := parseKeysArguments(ctx, os.Getuid(), append(slices.Clone(keysFlags), "--", user, doctor.NobodysFingerprint))
	if err != nil {
		return doctor.Observation{}, err
	}
	ctx, cancel := t.deadline(ctx)
	defer cancel()
	source, question := t.inquiry(user, "")
	asking := doctor.Asking{
		Source:  source,
		User:    user,
		Domains: question.Domains,
		Offline: offline,
		Anchors: func(domain string) (*x509.CertPool, error) { return anchorsOf(ctx, t, domain) },
	}
	for _, socket := range audit.Sockets() {
		asking.LogSockets = append(asking.LogSockets, socket.Path)
	}
	if t.endpoint == "" {
		asking.Addresses = metadata.Addresses()
	}
	return doctor.Observe(ctx, asking), nil
}

func anchorsOf(ctx context.Context, t terms, domain string) (*x509.CertPool, error) {
	if err := t.loadAnchors(ctx); err != nil {
		return nil, err
	}
	return t.anchorsFor(domain)
}

func printObservation(ctx context.Context, look observer, keysFlags []string, stdout, stderr io.Writer) int {
	seen, err := look(ctx, keysFlags)
	if err == nil {
		err = json.NewEncoder(stdout).Encode(seen)
	}
	if err != nil {
		fmt.Fprintf(stderr, "eic doctor: %v\n", err)
		return exitBroken
	}
	return exitOK
}
