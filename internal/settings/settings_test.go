package settings

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/authorize"
	"eic/internal/cmdline"
	"eic/test/needs"
)

const fingerprint = "SHA256:BCm+kxkhe6Uei6qbFliL2yTURChxYQQehGcrUQ3kgEM"

// write creates a file of settings that root owns.
func write(t *testing.T, text string) string {
	t.Helper()
	needs.Root(t)
	name := filepath.Join(t.TempDir(), "eic.conf")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// read parses a command line, with this file as the host's.
func read(t *testing.T, host string, args ...string) (*Settings, error) {
	t.Helper()
	line, s := cmdline.New("test", "", 0, 0), New()
	s.Register(line.FlagSet)
	if err := line.Read(args); err != nil {
		return nil, err
	}
	return s, s.Read(t.Context(), Files{Host: host})
}

const policy = "# local policy\n\ndeny-user root\ndeny-user\tsvc-*\r\n  caller-env\nkey-options restrict,command=\"a b\"\nbudget 3s\nlog-format json"

func TestFileHasTheFlagsOfTheCommandLine(t *testing.T) {
	name := write(t, policy)
	for place, args := range map[string][]string{
		"host file":                      {"--deny-user", "admin", "--budget", "2s"},
		"file of --config":               {"--deny-user", "admin", "--budget", "2s", "--config", name},
		"host file and file of --config": {"--deny-user", "admin", "--config", write(t, "budget 2s\nlog stderr\n")},
	} {
		host := name
		if place == "file of --config" {
			host = "/does/not/exist"
		}
		got, err := read(t, host, args...)
		require.NoError(t, err, place)
		require.Equal(t, []string{"admin", "root", "svc-*"}, got.Policy.DenyUsers)
		require.True(t, got.Policy.CallerEnvironment)
		require.Equal(t, `restrict,command="a b"`, got.Policy.KeyOptions)
		require.Equal(t, "2s", got.Budget.String(), "the command line takes precedence")
		require.Equal(t, "json", got.logFormat)
		require.Contains(t, got.Entries, Entry{name, 5, "caller-env", "true", false})
		require.Contains(t, got.Entries, Entry{name, 7, "budget", "3s", true})
	}
}

// Patterns of every partition, and patterns that match only because of a wildcard, are
// accepted.
func TestValidRequireCaller(t *testing.T) {
	for _, pattern := range []string{
		"arn:aws:iam::123456789012:user/alice", "arn:aws-us-gov:sts::123456789012:assumed-role/ops/*",
		"arn:aws-cn:*", "arn:*", "*", "a*:user/alice", "?rn:aws:iam::1:user/x", "*/alice",
		"arn:aws-cn:iam::123456789012:user/alice", "arn:aws*:iam::123456789012:root", "arn:a*", "arn:aws-*:sts::*:assumed-role/ops/*",
		"arn:aws:i*", "arn:aws:?am::123456789012:user/*", "arn:aws:sts:*:assumed-role/*", "arn:aws-iso-b:iam::?23456789012:user/a",
	} {
		require.NoError(t, readErr(t, "", "--require-caller", pattern), pattern)
	}
}

// Rules of the command line and of all files are combined.
func TestRulesOfAllSourcesAreCombined(t *testing.T) {
	got, err := read(t, write(t, "allow ec2-user\t from  arn:aws:*\r\n allow dev-* from *"), "--allow", "root from arn:aws-cn:*")
	require.NoError(t, err)
	require.Equal(t, []authorize.Rule{{User: "root", Caller: "arn:aws-cn:*"}, {User: "ec2-user", Caller: "arn:aws:*"}, {User: "dev-*", Caller: "*"}}, got.Policy.Rules)
	require.Equal(t, []string{"--allow=root from arn:aws-cn:*"}, got.Given())
	require.ErrorContains(t, readErr(t, "", "--allow", "root"), `--allow: "root" is not of the form USER from ARN`)
}

// Flags of the command line are written into sshd's configuration and passed to other
// processes. Those processes read the files themselves.
func TestGivenHasOnlyTheFlagsOfTheCommandLine(t *testing.T) {
	got, err := read(t, write(t, policy), "--domain=a.example", "--caller-env", "--domain", "b.example", "--deny-user=x")
	require.NoError(t, err)
	require.Equal(t, []string{"--domain=a.example", "--domain=b.example", "--deny-user=x", "--caller-env=true"}, got.Given())
	got, err = read(t, "")
	require.NoError(t, err)
	require.Nil(t, got.Given())
}

func TestInvalidFileIsAnError(t *testing.T) {
	for text, reason := range map[string]string{
		"deny-users root":                    `line 1: there is no flag "deny-users"`,
		"--deny-user root":                   "line 1: there is no flag",
		"config /etc/other":                  "line 1: there is no flag",
		"json":                               "line 1: there is no flag", // a flag of another command
		"deny-user":                          "line 1: the flag \"deny-user\" needs a value",
		"budget soon":                        "line 1: budget: ",
		"budget 0s":                          "line 1: budget: 0s is not between 0 and 1m0s",
		"\ndeny-user ro*t":                   `line 2: deny-user: "ro*t" matches no user`,
		"key-options cert-authority":         "line 1: key-options: ",
		"\n\nfoo":                            "line 3",
		"deny-user root\x00":                 "NUL",
		strings.Repeat("#\n", maxFile):       "at most 65536",
		"caller-env perhaps":                 "line 1: caller-env: ",
		"require-caller":                     "line 1: the flag \"require-caller\" needs a value",
		"trust-anchors /x\ntrust-anchors":    "line 2: the flag \"trust-anchors\" needs a value",
		"#\nno-instance-check":               "line 2: no-instance-check is only for use with imds-endpoint",
		"imds-endpoint http://metadata.evil": "line 1: imds-endpoint: ",
		"domain EXAMPLE":                     "line 1: domain: ",
		"require-caller nonsense":            `line 1: require-caller: "nonsense" matches no ARN`,
		"require-caller arn:aws:iam":         "matches no ARN",
		"require-caller user/alice*":         "matches no ARN",
		"require-caller arn:aws:* extra":     "matches no ARN",
		"require-caller arn:amazon:iam::1:*": "matches no ARN",
		"require-caller arn:awscn:iam::1:*":  "matches no ARN",
		"require-caller arn:aws:s3:::*":      "matches no ARN",
		"require-caller arn:aws:iam:1:user*": "matches no ARN", // a colon is missing
		"require-caller arn:aws:iam::1":      "matches no ARN",
		"require-caller arn:aws:x*":          "matches no ARN",
		"require-caller ar:*":                "matches no ARN",
		"\nallow root":                       `line 2: allow: "root" is not of the form USER from ARN`,
		"allow":                              `line 1: the flag "allow" needs a value`,
		"allow root arn:aws:*":               "not of the form",
		"allow root by arn:aws:*":            "not of the form",
		"allow root from":                    "not of the form",
		"allow root from arn:aws:* *":        "not of the form",
		"allow ro*t from arn:aws:*":          `line 1: allow: "ro*t" matches no user`,
		"allow root from nonsense":           `line 1: allow: "nonsense" matches no ARN`,
		"partition china":                    `line 1: partition: "china" is not an AWS partition, expected one of aws, `,
		"instance-id web-1":                  `line 1: instance-id: "web-1" is not "i-"`,
		"chain echo":                         "line 1: chain: ",
		"log file":                           `line 1: log: "file" is neither syslog nor stderr`,
		"log-format xml":                     "line 1: log-format: ",
	} {
		name := write(t, text)
		_, err := read(t, name)
		require.ErrorContains(t, err, reason, "%.40q", text)
		file := new(FileError)
		require.ErrorAs(t, err, &file)
		require.Equal(t, name, file.File)
		_, inConfig := read(t, "", "--config", name)
		require.Equal(t, err, inConfig)
	}
}

// Package trustedfile tests which owners and modes are trusted. This test shows that
// settings use it.
func TestFileThatOthersCanWriteToIsRefused(t *testing.T) {
	name := write(t, "deny-user root\n")
	require.NoError(t, os.Chmod(name, 0o666))
	directory, fifo, link := filepath.Dir(name), name+".fifo", name+".link"
	require.NoError(t, errors.Join(syscall.Mkfifo(fifo, 0o600), os.Symlink("nowhere", link)))
	for name, reason := range map[string]string{
		name: "may be written to", directory: "not a regular file", fifo: "not a regular file", link: "is a dangling link",
	} {
		for _, err := range []error{readErr(t, name), readErr(t, "", "--config", name)} {
			require.ErrorContains(t, err, reason)
			require.ErrorAs(t, err, new(*FileError))
		}
	}
	require.NoError(t, readErr(t, directory+"/none"), "expected no error without a host file")
	require.ErrorIs(t, readErr(t, "", "--config", directory+"/none"), os.ErrNotExist)
}

func readErr(t *testing.T, host string, args ...string) error {
	t.Helper()
	_, err := read(t, host, args...)
	return err
}

func TestParseCall(t *testing.T) {
	call, err := ParseCall(t.Context(), []string{"--domain", "example.com", "--", "root", fingerprint}, Files{})
	require.NoError(t, err)
	require.Equal(t, []string{"--domain", "example.com"}, call.Flags)
	require.Equal(t, "root", call.User)
	require.Equal(t, fingerprint, call.Fingerprint)
	require.Equal(t, []string{"example.com"}, call.Domains)

	_, err = ParseCall(t.Context(), []string{"--chain", "/usr/bin/keys %u %f", "root"}, Files{})
	require.ErrorContains(t, err, "expected FINGERPRINT after USER")
	for args, reason := range map[string]string{
		"":                             "too few arguments, expected USER [FINGERPRINT]",
		"root a b":                     `unexpected argument "b"`,
		"root --log=stderr":            `"--log=stderr" comes after USER, expected flags before it`,
		"root short":                   `the fingerprint is "short"`,
		"--budget=0s root":             "--budget: 0s is not between",
		"--log=file root":              "--log",
		"--log-format=xml root":        "--log-format",
		"--config=/does/not root":      "/does/not",
		"--no-instance-check root":     "--no-instance-check is only for use with --imds-endpoint",
		"--imds-endpoint=ftp://a root": "--imds-endpoint",
		"--frobnicate root":            "unknown flag: --frobnicate",
	} {
		_, err := ParseCall(t.Context(), strings.Fields(args), Files{})
		require.ErrorContains(t, err, reason, args)
	}
}

func TestInvalidTrustAnchorsAreAnError(t *testing.T) {
	empty := write(t, "")
	for file, reason := range map[string]string{empty: "no certificate found", empty + ".none": "no such file"} {
		s, err := read(t, "", "--trust-anchors", file)
		require.NoError(t, err)
		require.ErrorContains(t, s.LoadAnchors(t.Context(), 0), reason)
		_, err = s.Anchors("amazonaws.com")
		require.ErrorContains(t, err, "have not been read")
	}
	s := New()
	require.NoError(t, s.LoadAnchors(t.Context(), 0))
	pool, err := s.Anchors("amazonaws.com")
	require.NoError(t, err)
	require.NotNil(t, pool)
}

// FuzzFlags parses arbitrary arguments. USER and FINGERPRINT must come last and must never
// be parsed as flags.
func FuzzFlags(f *testing.F) {
	for _, args := range []string{
		"alice", "--deny-user=root alice SHA256:x", "--budget 3s -- --help", "--log=stderr alice --log=syslog", "-h", "--domain", "--no-instance-check=maybe x",
		"- -", "--=x y", "-- -- --", "--caller-env alice", "--deny-user -- alice",
	} {
		f.Add(strings.ReplaceAll(args, " ", "\x00"))
	}
	read := func(args []string, least int) (cmdline.Line, *Settings, error) {
		line, s := cmdline.New("authorized-keys", CallArguments, least, 2), New()
		s.Register(line.FlagSet)
		err := line.Read(args)
		s.flags = nil // its functions are never equal
		return line, s, err
	}
	f.Fuzz(func(t *testing.T, joined string) {
		args := strings.Split(joined, "\x00")
		line, wanted, err := read(args, 1)
		if err != nil {
			return
		}
		before := args[:len(args)-line.NArg()]
		require.Equal(t, args[len(before):], line.Args())
		if len(before) == 0 {
			require.Zero(t, line.NFlag())
			return
		}
		require.True(t, strings.HasPrefix(before[0], "-"))
		_, same, err := read(before, 0)
		require.NoError(t, err)
		require.Equal(t, wanted, same, "USER or FINGERPRINT changed a flag")
	})
}

// explain and doctor first examine sshd, which takes time. That time must not count
// against the lookup.
func TestBudgetStartsWithTheLookup(t *testing.T) {
	s := New()
	s.Budget = time.Minute
	for from, want := range map[time.Time]string{time.Now(): "", time.Now().Add(-2 * time.Minute): "the budget of 1m0s is spent"} {
		ctx, cancel := s.Deadline(t.Context(), from)
		defer cancel()
		if want == "" {
			require.NoError(t, ctx.Err())
			continue
		}
		require.EqualError(t, context.Cause(ctx), want)
	}
}

// BenchmarkRead measures the time that settings add to each login: with flags only, with a
// missing host file, and with a host file of twenty lines.
func BenchmarkRead(b *testing.B) {
	name := filepath.Join(b.TempDir(), "eic.conf")
	require.NoError(b, os.WriteFile(name, []byte(strings.Repeat("# a comment\ndeny-user svc-*\n", 10)), 0o600))
	for kind, host := range map[string]string{"flags": "", "no-file": filepath.Join(filepath.Dir(name), "none"), "file": name} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				call, err := ParseCall(b.Context(), []string{"alice", fingerprint}, Files{Host: host})
				require.NoError(b, err)
				require.Equal(b, "alice", call.User)
			}
		})
	}
}
