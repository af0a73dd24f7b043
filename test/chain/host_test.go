// Package chain logs in through a real sshd that runs eic with --chain: with pushed keys, with
// keys of the chained command, and with chained commands that misbehave.
package chain

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/argv"
	"eic/test/host"
	"eic/test/host/hosttest"
)

func TestMain(m *testing.M) { os.Exit(hosttest.Main(m, host.Build)) }

// start starts a host with the users alice and bob, where sshd runs eic with a chained
// command.
func start(t *testing.T, options host.Options, chained string, flags ...string) *host.Host {
	t.Helper()
	args := append([]string{host.Binary, "authorized-keys", "--trust-anchors", host.TrustAnchors,
		"--chain", argv.Escape(chained)}, flags...)
	return hosttest.Start(t, options, "AuthorizedKeysCommand "+argv.Quote(args)+" %u %f\n"+host.RunAsServiceUser)
}

// installChained installs a script for --chain on the host, owned by root, and returns its
// path.
func installChained(t *testing.T, h *host.Host, script string) string {
	t.Helper()
	const program = "/opt/chained/keys"
	require.NoError(t, h.WriteFile(program, []byte("#!/bin/sh\n"+script+"\n")))
	require.NoError(t, os.Chmod(h.Path(program), 0o755))
	return program
}

// pushedKey returns a new key that was pushed for a user.
func pushedKey(t *testing.T, h *host.Host, user string) string {
	t.Helper()
	key := hosttest.NewKey(t, h, "pushed-"+user)
	hosttest.Push(t, h, user, key)
	return key
}

// fingerprint returns the fingerprint of a key, as ssh-keygen prints it.
func fingerprint(t *testing.T, key string) string {
	t.Helper()
	return hosttest.Fingerprint(t, key, "sha256")
}

func public(t *testing.T, key string) string {
	t.Helper()
	text, err := os.ReadFile(key + ".pub")
	require.NoError(t, err)
	return strings.TrimSpace(string(text))
}

// requireNobodyLeft fails if the user that sshd runs eic as still has a process.
func requireNobodyLeft(t *testing.T, h *host.Host) {
	t.Helper()
	left := serviceProcesses(t, h)
	for end := time.Now().Add(soon); left != "" && time.Now().Before(end); left = serviceProcesses(t, h) {
		time.Sleep(tick)
	}
	require.Empty(t, left)
}

// serviceProcesses names the processes of the user that sshd runs eic as.
func serviceProcesses(t *testing.T, h *host.Host) string {
	t.Helper()
	return processesOf(t, serviceUserID(t, h))
}

func serviceUserID(t *testing.T, h *host.Host) string {
	t.Helper()
	info, err := os.ReadFile(h.Path("/etc/passwd"))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(info), "\n"+host.ServiceUser+":x:")
	require.True(t, found)
	id, _, _ := strings.Cut(after, ":")
	return id
}

// How long processes may take to end, and how often the tests look for them.
const (
	soon = 5 * time.Second
	tick = 20 * time.Millisecond
)

// sleepers counts the processes of root that misbehaving chained commands start.
func sleepers(t *testing.T) int {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	count := 0
	for _, name := range commands {
		text, err := os.ReadFile(name)
		if err == nil && (strings.HasPrefix(string(text), "sleep\x001000") || strings.HasPrefix(string(text), "yes\x00")) {
			count++
		}
	}
	return count
}

// processesOf returns the names of the processes of a user id, without zombies
// (proc_pid_status(5)).
func processesOf(t *testing.T, id string) string {
	t.Helper()
	names, err := os.ReadDir("/proc")
	require.NoError(t, err)
	var found []string
	for _, name := range names {
		status, err := os.ReadFile("/proc/" + name.Name() + "/status")
		if err != nil {
			continue // not a process, or one that has ended
		}
		text := string(status)
		if strings.Contains(text, fmt.Sprintf("\nUid:\t%s\t", id)) && !strings.Contains(text, "\nState:\tZ") {
			line, _, _ := strings.Cut(text, "\n")
			found = append(found, line)
		}
	}
	return strings.Join(found, ", ")
}
