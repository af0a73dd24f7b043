package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"eic/internal/activekeys"
	"eic/internal/audit"
	"eic/internal/cmdline"
	"eic/internal/confine"
	"eic/internal/doctor"
	"eic/internal/metadata"
	"eic/internal/settings"
	"eic/internal/sshd"
)

const doctorAbout = `Checks what a login with a pushed key needs on this host, and changes nothing.
With --user NAME, also checks whether sshd lets NAME log in. Problems come first,
each with one remedy and the number of checks that were skipped because of it.
The last line is the result. Run doctor as root: only root can test as the user
that sshd runs eic as.

doctor uses the flags of sshd's command, or the flags given here, if any.

Exit status: 0 nothing is wrong; 1 something is broken, or the command was
called wrongly, so that no script takes that for healthy; 2 there are warnings,
but nothing is broken. With --exit=nagios: 0 nothing is wrong; 1 warnings;
2 broken; 3 called wrongly.`

// Exit statuses of doctor besides exitOK.
const (
	exitBroken   = 1
	exitWarnings = 2
	// exitUnknown is the status of a monitoring plugin that cannot tell.
	exitUnknown = 3
)

// Values of --exit.
const (
	exitAsDoctor = "doctor"
	exitAsNagios = "nagios"
)

// examination is one call of doctor.
type examination struct {
	settings *settings.Settings
	user     string
	named    bool // user was given
	offline  bool
	asJSON   bool
	all      bool
	exit     string // exitAsDoctor or exitAsNagios
	textfile string
	observe  bool
	args     []string // of --observe
}

func (x *examination) register(line cmdline.Line) {
	line.StringVar(&x.user, "user", "root", "also check whether sshd lets `NAME` log in with a pushed key")
	line.Lookup("user").DefValue = "" // root stands for any user, and is not examined
	line.BoolVar(&x.offline, "offline", false, "for building an image: skip checks that need a metadata service, and test the verification with a recorded login")
	line.BoolVar(&x.asJSON, "json", false, "print one JSON object")
	line.BoolVarP(&x.all, "verbose", "v", false, "list every check in the order of a login, not only problems")
	line.StringVar(&x.exit, "exit", exitAsDoctor, "use doctor's own exit statuses, or those of monitoring plugins (`doctor|nagios`): 0 ok, 1 warning, 2 critical, 3 unknown")
	line.StringVar(&x.textfile, "prometheus", "", "also write `FILE`, for the textfile collector of Prometheus's node exporter")
	line.BoolVar(&x.observe, "observe", false, "print what the calling user sees (for another process of doctor)")
	line.Lookup("observe").Hidden = true
	x.settings = settings.New()
	x.settings.Register(line.FlagSet)
	// Accepted because they may be in sshd's command, and ignored.
	line.Lookup("log").Hidden, line.Lookup("log-format").Hidden = true, true
}

func (x *examination) check(ctx context.Context, line cmdline.Line) error {
	x.args = line.Args()
	x.named = line.Changed("user")
	err := x.settings.Read(ctx, settings.Files{UID: os.Getuid()})
	switch {
	case err != nil:
		return err
	case !activekeys.ValidUser(x.user):
		return fmt.Errorf("--user: no key can be pushed for a user %q", x.user)
	case x.exit != exitAsDoctor && x.exit != exitAsNagios:
		return fmt.Errorf("--exit: expected doctor or nagios, got %q", x.exit)
	case len(x.args) != 0 && !x.observe:
		return fmt.Errorf("unexpected argument %q", x.args[0])
	}
	return nil
}

func (x *examination) run(ctx context.Context, stdout, stderr io.Writer) int {
	observe := func(ctx context.Context, flags []string) (doctor.Observation, error) {
		return observeHost(ctx, flags, x.user, x.offline)
	}
	if x.observe {
		return printObservation(ctx, observe, x.args, stdout, stderr)
	}
	host := thisHost(x.user, x.offline, x.settings.Given())
	host.Named = x.named
	report := doctor.Examine(ctx, host)
	return x.print(report, stdout, stderr)
}

// print prints the report and returns the exit status. A report that cannot be written
// has the status for a broken host, because nothing shows that the host works; stderr has
// the difference.
func (x *examination) print(report doctor.Report, stdout, stderr io.Writer) int {
	var err error
	if x.asJSON {
		err = report.WriteJSON(stdout)
	} else {
		_, color := stdout.(colorful)
		err = report.WriteText(stdout, doctor.Layout{Color: color, All: x.all})
	}
	if err == nil && x.textfile != "" {
		err = writeTextfile(x.textfile, report)
	}
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "eic doctor: writing the report: %v\n", err)
		if x.byMonitor() {
			return exitUnknown
		}
		return exitBroken
	case x.byMonitor():
		return report.ExitStatus()
	}
	return map[doctor.Verdict]int{doctor.Broken: exitBroken, doctor.Warning: exitWarnings}[report.Verdict]
}

func (x *examination) byMonitor() bool { return x.exit == exitAsNagios }

// writeTextfile replaces a file atomically, because the collector may read it at any
// moment.
func writeTextfile(name string, report doctor.Report) error {
	file, err := os.CreateTemp(filepath.Dir(name), ".eic-doctor-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) //nolint:errcheck // renamed by then, or useless
	err = report.WritePrometheus(file)
	if err == nil {
		err = file.Chmod(0o644)
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}

type observer = func(ctx context.Context, keysFlags []string) (doctor.Observation, error)

// thisHost is the machine that this process runs on.
func thisHost(user string, offline bool, keysFlags []string) doctor.Host {
	executable, err := os.Executable()
	if err != nil {
		executable = sshd.Program // no /proc here
	}
	return doctor.Host{
		Program:    program(),
		Name:       hostname(),
		Root:       os.DirFS("/"),
		Run:        sshd.Exec("/"),
		RunAs:      doctor.ExecAs,
		Dial:       doctor.Dial,
		Executable: executable,
		UID:        os.Getuid(),
		Now:        time.Now(),
		User:       user,
		Offline:    offline,
		Flags:      keysFlags,
		Label:      doctor.FileLabel,
		Files:      settings.Files{Host: settings.File},
	}
}

// observeHost observes this host as authorized-keys with these flags would.
func observeHost(ctx context.Context, keysFlags []string, user string, offline bool) (doctor.Observation, error) {
	files := settings.Files{Host: settings.File, UID: os.Getuid()}
	t, err := settings.ParseCall(ctx, append(slices.Clone(keysFlags), "--", user, doctor.NobodysFingerprint), files)
	if err != nil {
		return doctor.Observation{}, err
	}
	ctx, cancel := t.Deadline(ctx, time.Now())
	defer cancel()
	// The file cannot be read after this process is confined.
	loaded := sync.OnceValue(func() error { return t.LoadAnchors(ctx, os.Getuid()) })
	asking := doctor.Asking{
		Source:  t.Source(),
		User:    user,
		Domains: t.LookupOptions(user, "").AcceptedDomains(),
		Pinned:  t.InstanceID != "" || len(t.Policy.Callers)+len(t.Policy.Rules) != 0,
		Offline: offline,
		Anchors: func(domain string) (*x509.CertPool, error) {
			if err := loaded(); err != nil {
				return nil, err
			}
			return t.Anchors(domain)
		},
		Chained: t.Chain,
		BeforeNetwork: func() error {
			needs := t.Needs()
			needs.Signals = t.Chain.Program() != ""
			return confine.Confine(needs)
		},
	}
	for _, socket := range audit.Sockets() {
		asking.LogSockets = append(asking.LogSockets, socket.Path)
	}
	if t.Endpoint == "" {
		asking.Addresses = metadata.Addresses()
	}
	return doctor.Observe(ctx, asking)
}

func printObservation(ctx context.Context, observe observer, keysFlags []string, stdout, stderr io.Writer) int {
	seen, err := observe(ctx, keysFlags)
	if err == nil {
		err = json.NewEncoder(stdout).Encode(seen)
	}
	if err != nil {
		fmt.Fprintf(stderr, "eic doctor: %v\n", err)
		return exitBroken
	}
	return exitOK
}
