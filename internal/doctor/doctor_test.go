package doctor_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/doctor"
	"eic/internal/lookup"
	"eic/internal/metadata"
	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/internal/sshd"
	"eic/internal/trust"
)

// keys are shared by every simulator, which then start faster.
var keys = new(ca.Keys)

// bench is a healthy host on which a test damages one thing.
type bench struct {
	doctor.Host
	// files is Root, and config is the text of sshd_config.
	files  fstest.MapFS
	config string
	// sshdSays, if set, returns sshd's output in place of that for config.
	sshdSays func() ([]byte, []byte, error)
	// openSSH is what sshd -V prints.
	openSSH string
	// asking says what is observed, and budget limits the time for it.
	asking doctor.Asking
	budget time.Duration
	// refused, if set, is the error of every program run as the command's user. trial is
	// the error of the command itself.
	refused error
	trial   error
	// asUser, if set, is what the command's user observes instead of asking.
	asUser *doctor.Asking
}

const (
	ourLine  = "AuthorizedKeysCommand /usr/bin/eic authorized-keys %u %f\n"
	userLine = "AuthorizedKeysCommandUser _eic\n"
)

// owned returns a file that root owns.
func owned(mode os.FileMode, data string) *fstest.MapFile {
	return &fstest.MapFile{Mode: mode, Data: []byte(data), Sys: &syscall.Stat_t{}}
}

// newBench returns a healthy Nitro instance. Its metadata service is a simulator with
// these faults.
func newBench(t *testing.T, faults ...string) *bench {
	t.Helper()
	s, err := sim.Start(sim.Options{Keys: keys, Faults: faults})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	anchors, err := trust.ParseAnchors(s.Roots)
	require.NoError(t, err)
	log := filepath.Join(t.TempDir(), "log")
	conn, err := net.ListenPacket("unixgram", log)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	b := &bench{
		files: fstest.MapFS{
			".":           owned(os.ModeDir|0o755, ""),
			"usr":         owned(os.ModeDir|0o755, ""),
			"usr/bin":     owned(os.ModeDir|0o755, ""),
			"usr/bin/eic": owned(0o755, "ELF"),
			"etc/passwd":  owned(0o644, "root:x:0:0::/root:/bin/sh\n_eic:x:998:997::/:/usr/sbin/nologin\n"),
			"etc/group":   owned(0o644, "root:x:0:\nadm:x:4:syslog,_eic\n_eic:x:997:\n"),
			"sys/devices/virtual/dmi/id/board_asset_tag": owned(0o444, sim.DefaultInstanceID+"\n"),
		},
		config: ourLine + userLine,
		budget: 10 * time.Second,
	}
	b.asking = doctor.Asking{
		Source:     lookup.Source{Root: b.files, Metadata: metadata.Options{Endpoint: s.IMDS[0]}},
		User:       "root",
		Domains:    trust.Domains(),
		Anchors:    func(string) (*x509.CertPool, error) { return anchors, nil },
		LogSockets: []string{filepath.Join(t.TempDir(), "none"), log},
		Addresses:  []string{s.IMDS[0], s.IMDS[0]},

		BeforeNetwork: func() error { return nil },
	}
	b.Host = doctor.Host{
		Root:       b.files,
		RunAs:      b.runAs,
		Executable: "/usr/bin/eic",
		UID:        0,
		Now:        time.Now(),
		User:       "root",
		Dial:       func(context.Context, string) error { return nil },
		Label:      func(string) (string, error) { return "", errors.New("no label") },
	}
	return b
}

func (b *bench) observe(ctx context.Context, asking doctor.Asking) (doctor.Observation, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, b.budget, errors.New("the budget is spent"))
	defer cancel()
	asking.Offline = b.Offline
	return doctor.Observe(ctx, asking)
}

// runAs stands in for a process of another user.
func (b *bench) runAs(ctx context.Context, as doctor.Account, _ string, args ...string) ([]byte, []byte, error) {
	if b.refused != nil {
		return nil, []byte("eic doctor: no\n"), b.refused
	}
	if args[1] == "authorized-keys" {
		return []byte("ssh-ed25519 AAAA\n"), []byte("error: no\n"), b.trial
	}
	asking := b.asking
	if b.asUser != nil {
		asking = *b.asUser
	}
	seen, err := b.observe(ctx, asking)
	if err != nil {
		return nil, nil, err
	}
	seen.UID = int(as.UID)
	stdout, err := json.Marshal(seen)
	return stdout, nil, err
}

// examine writes sshd_config and makes all checks.
func (b *bench) examine(t *testing.T) doctor.Report {
	t.Helper()
	root := t.TempDir()
	if b.config != "" {
		for name, text := range map[string]string{"etc/ssh/sshd_config": b.config, "usr/sbin/sshd": ""} {
			file := filepath.Join(root, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		}
	}
	b.SSHD = sshd.Host{Root: root, Run: func(_ context.Context, _ string, args ...string) ([]byte, []byte, error) {
		if b.sshdSays != nil {
			return b.sshdSays()
		}
		if args[0] == "-V" {
			return nil, []byte(b.openSSH), nil
		}
		return effective(root, args)
	}}
	return doctor.Examine(t.Context(), b.Host)
}

// effective returns the output of sshd -T: for each keyword the value of a Match block
// for the user, or else the first value outside of Match blocks.
func effective(root string, args []string) ([]byte, []byte, error) {
	config, err := sshd.Host{Root: root}.Read()
	if err != nil {
		return nil, nil, err
	}
	values := map[string]string{
		"pubkeyauthentication": "yes", "authenticationmethods": "any", "permitrootlogin": "without-password",
		"pubkeyacceptedalgorithms": "ssh-ed25519,rsa-sha2-512",
	}
	for _, s := range slices.Backward(config) {
		if s.Match == "" {
			values[s.Keyword] = s.Value
		}
	}
	for _, s := range config {
		who, isUser := strings.CutPrefix(s.Match, "User ")
		if isUser && strings.HasPrefix(args[len(args)-1], "user="+who+",") {
			values[s.Keyword] = s.Value
		}
	}
	var out strings.Builder
	for keyword, value := range values {
		fmt.Fprintln(&out, keyword, value)
	}
	return []byte(out.String()), nil, nil
}

// find returns one check of a report.
func find(t *testing.T, r doctor.Report, id string) doctor.Check {
	t.Helper()
	i := slices.IndexFunc(r.Checks, func(c doctor.Check) bool { return c.ID == id })
	require.GreaterOrEqual(t, i, 0, "there is no check %q", id)
	return r.Checks[i]
}

// trouble is one thing that is wrong with a host, and what a check must report.
type trouble struct {
	// faults are the faults of the simulator.
	faults  []string
	damage  func(*bench)
	check   string
	verdict doctor.Verdict
	found   string
	// remedy is a part of the expected remedy, or empty.
	remedy string
}

func requireTroubles(t *testing.T, troubles map[string]trouble) {
	t.Helper()
	for name, try := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, try.faults...)
			if try.damage != nil {
				try.damage(b)
			}
			report := b.examine(t)
			check := find(t, report, try.check)
			require.Equal(t, try.verdict, check.Verdict, "%+v", check)
			require.Contains(t, check.Found, try.found)
			require.Contains(t, check.Remedy, try.remedy)
			requireWellFormed(t, report)
		})
	}
}

// requireWellFormed checks the rules that every report follows.
func requireWellFormed(t *testing.T, r doctor.Report) {
	t.Helper()
	worst := doctor.OK
	for _, c := range r.Checks {
		require.NotEmpty(t, c.Title)
		require.NotEmpty(t, c.Found, c.ID)
		require.Equal(t, c.Verdict == doctor.OK, c.Remedy == "", "%+v", c)
		require.NotRegexp(t, `[^\pL\pM\pN\pP\pS ]`, c.Found+c.Remedy, "%+v", c)
		if c.Verdict == doctor.Broken || c.Verdict == doctor.Warning && worst == doctor.OK {
			worst = c.Verdict
		}
	}
	require.Equal(t, worst, r.Verdict)
}

// alwaysNotChecked are the checks that find nothing to check on a bench.
var alwaysNotChecked = []string{"selinux", "selinux-denials"}

func TestHealthyHostPassesEveryCheck(t *testing.T) {
	b := newBench(t)
	b.files["bin/sh"] = owned(0o755, "ELF")
	b.Named = true
	report := b.examine(t)
	for _, c := range report.Checks {
		if slices.Contains(alwaysNotChecked, c.ID) {
			require.Equal(t, doctor.NotChecked, c.Verdict, "%+v", c)
			continue
		}
		require.Equal(t, doctor.OK, c.Verdict, "%+v", c)
	}
	require.Equal(t, doctor.OK, report.Verdict)
	requireWellFormed(t, report)
}

// An image is built on a machine that is not an instance and has no system log.
func TestHealthyImagePassesOffline(t *testing.T) {
	b := newBench(t)
	b.Offline = true
	b.asking.LogSockets = nil
	delete(b.files, "sys/devices/virtual/dmi/id/board_asset_tag")
	report := b.examine(t)
	require.Equal(t, doctor.OK, report.Verdict, "%+v", report)
	require.Equal(t, doctor.OK, find(t, report, "self-test").Verdict)
	require.Equal(t, doctor.NotChecked, find(t, report, "identity").Verdict)
	require.Equal(t, doctor.NotChecked, find(t, report, "system-log").Verdict)
	for _, c := range report.Checks {
		require.NotContains(t, c.ID, "metadata")
	}
	requireWellFormed(t, report)
}

func TestCheckIDsAreUnique(t *testing.T) {
	for _, offline := range []bool{false, true} {
		b := newBench(t)
		b.Offline, b.Named = offline, true
		seen := map[string]bool{}
		for _, c := range b.examine(t).Checks {
			require.False(t, seen[c.ID], c.ID)
			require.Regexp(t, `^[a-z0-9]+(-[a-z0-9]+)*$`, c.ID)
			seen[c.ID] = true
		}
	}
}

func TestDocumentationListsEveryCheck(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/doctor.md")
	require.NoError(t, err)
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, row[1])
	}
	made := map[string]bool{}
	for _, offline := range []bool{false, true} {
		b := newBench(t)
		b.Offline, b.Named = offline, true
		for _, c := range b.examine(t).Checks {
			made[c.ID] = true
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(made)), documented)
}
