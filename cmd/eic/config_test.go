package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/needs"
)

// parseWith returns the terms that a command line and a configuration file of
// root's lead to.
func parseWith(t *testing.T, config string, args ...string) (terms, error) {
	t.Helper()
	needs.Root(t)
	name := filepath.Join(t.TempDir(), "eic.conf")
	require.NoError(t, os.WriteFile(name, []byte(config), 0o600))
	return parseFile(name, args...)
}

func parseFile(name string, args ...string) (terms, error) {
	var t terms
	flags := newFlags("test", "USER", "")
	t.register(flags)
	if err := flags.Parse(append(args, "--config", name, "alice")); err != nil {
		return terms{}, err
	}
	return t, t.check(context.Background(), flags)
}

func TestConfigurationFileHasTheFlagsOfTheCommandLine(t *testing.T) {
	got, err := parseWith(t, "# local policy\n\ndeny-user root\ndeny-user\tsvc-*\n  caller-env\nkey-options restrict,command=\"a b\"\nbudget 3s\n",
		"--deny-user", "admin", "--budget", "2s")
	require.NoError(t, err)
	require.Equal(t, []string{"admin", "root", "svc-*"}, got.denyUsers)
	require.True(t, got.callerEnv)
	require.Equal(t, `restrict,command="a b"`, got.keyOptions)
	require.Equal(t, "2s", got.budget.String())
}

func TestAPolicyThatCannotBeReadRefusesEverything(t *testing.T) {
	for config, reason := range map[string]string{
		"deny-users root":                    `there is no flag "deny-users"`,
		"--deny-user root":                   "there is no flag",
		"config /etc/other":                  "there is no flag",
		"deny-user":                          "needs a value",
		"budget soon":                        "setting budget",
		"deny-user ro*t":                     "can match no user",
		"key-options cert-authority":         "--key-options",
		"\n\nfoo":                            "line 3",
		"deny-user root\x00":                 "NUL",
		strings.Repeat("#\n", maxConfig):     "at most 65536",
		"caller-env perhaps":                 "setting caller-env",
		"require-caller":                     "needs a value",
		"trust-anchors /x\ntrust-anchors":    "needs a value",
		"no-instance-check":                  "only for use with",
		"imds-endpoint http://metadata.evil": "--imds-endpoint",
		"domain EXAMPLE":                     "--domain",
	} {
		_, err := parseWith(t, config)
		require.ErrorContains(t, err, reason, "%.40q", config)
	}
}

func TestAConfigurationFileThatOthersMayWrite(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "eic.conf")
	require.NoError(t, os.WriteFile(name, []byte("deny-user root\n"), 0o600))
	for _, mode := range []os.FileMode{0o620, 0o602, 0o666} {
		require.NoError(t, os.Chmod(name, mode))
		_, err := parseFile(name)
		require.ErrorContains(t, err, "may be written to by its group or by others")
	}
	require.NoError(t, os.Chmod(name, 0o600))
	require.NoError(t, os.Chown(name, 65534, 0), "this test must be run as root")
	_, err := parseFile(name)
	require.ErrorContains(t, err, "is owned by uid 65534")

	_, err = parseFile(folder)
	require.ErrorContains(t, err, "is not a regular file")
	_, err = parseFile(filepath.Join(folder, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	fifo := filepath.Join(folder, "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	_, err = parseFile(fifo)
	require.ErrorContains(t, err, "is not a regular file")
}
