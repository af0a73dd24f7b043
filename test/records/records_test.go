// Package records reads the audit records of real logins back: from a real journald
// with journalctl, from a file as syslog daemons write it, and with the very queries
// that docs/how-to/monitoring.md gives.
package records

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/test/host"
	"eic/test/host/hosttest"
	"eic/test/host/mount"
	"eic/test/needs"
)

func TestMain(m *testing.M) { os.Exit(hosttest.Main(m, host.Build)) }

const (
	journald = "/lib/systemd/systemd-journald"
	journal  = "/run/systemd/journal"
	authLog  = "/var/log/auth.log"
	caller   = "arn:aws:sts::123456789012:assumed-role/ops/erika"
)

// logins starts a host where each document has a forged key before the pushed one. It logs in
// as alice and as root, and returns the host, and the fingerprint and the request id of
// root's login.
func logins(t *testing.T, flags string, prepare func(*host.Host)) (h *host.Host, fingerprint, request string) {
	t.Helper()
	flags = "authorized-keys --trust-anchors " + host.TrustAnchors + " " + flags
	h = hosttest.Start(t, host.Options{Sim: sim.Options{Caller: caller, Faults: []string{"keys=bad-block-first"}}},
		"AuthorizedKeysCommand "+host.Binary+" "+flags+" %u %f\n"+host.RunAsServiceUser)
	prepare(h)
	for _, user := range []string{"alice", "root"} {
		key := hosttest.NewKey(t, h, "key-"+user)
		request = hosttest.Push(t, h, user, key)
		hosttest.RequireLogin(t, h, user, key)
		fingerprint = hosttest.Fingerprint(t, key, "sha256")
	}
	// Asked without a fingerprint, eic verifies the forged key too.
	run(t, h.Command(host.ServiceUser, host.Binary, append(strings.Fields(flags), "alice")...))
	return h, fingerprint, request
}

func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	result := hosttest.Capture(t, cmd)
	require.Zero(t, result.Status, "%s: %s", cmd, result.Stderr)
	return result.Stdout
}

// startJournald starts a journald as the host's system log, and returns what it forwards to a
// syslog daemon.
func startJournald(t *testing.T, h *host.Host) *net.UnixConn {
	t.Helper()
	needs.Tool(t, journald)
	require.NoError(t, os.MkdirAll(h.Path(journal), 0o755))
	require.NoError(t, os.MkdirAll(h.Path("/run/log/journal"), 0o755))
	const cgroups = "/sys/fs/cgroup" // journald does not start without them
	require.NoError(t, os.MkdirAll(h.Path(cgroups), 0o755))
	require.NoError(t, mount.Mount("cgroup2", h.Path(cgroups), "cgroup2", 0, ""))
	t.Cleanup(func() { require.NoError(t, mount.Unmount(h.Path(cgroups))) })
	require.NoError(t, h.WriteFile("/etc/systemd/journald.conf.d/test.conf", []byte("[Journal]\nForwardToSyslog=yes\n")))
	forwarded, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: h.Path(journal + "/syslog"), Net: "unixgram"})
	require.NoError(t, err)
	daemon := h.Command("root", journald)
	require.NoError(t, daemon.Start())
	t.Cleanup(func() {
		_ = forwarded.Close()        // only read
		_ = daemon.Process.Kill()    // the test is over
		_, _ = daemon.Process.Wait() // the status does not matter
	})
	require.Eventually(t, func() bool {
		_, native := os.Stat(h.Path(journal + "/socket"))
		_, syslog := os.Stat(h.Path(journal + "/dev-log"))
		return native == nil && syslog == nil
	}, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, os.Remove(h.Path("/dev/log")))
	require.NoError(t, os.Symlink(journal+"/dev-log", h.Path("/dev/log")))
	return forwarded
}

// entries reads eic's entries as journalctl shows them.
func entries(t *testing.T, h *host.Host, matches ...string) []map[string]string {
	t.Helper()
	var found []map[string]string
	for _, line := range strings.Split(shell(t, h, "journalctl -t eic -o json "+strings.Join(matches, " ")), "\n") {
		if line == "" {
			continue
		}
		var entry map[string]string
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		found = append(found, entry)
	}
	return found
}

func shell(t *testing.T, h *host.Host, script string) string {
	t.Helper()
	return run(t, h.Command("root", "/bin/sh", "-c", script))
}

// query returns the n-th query of a section of docs/how-to/monitoring.md.
func query(t *testing.T, section string, n int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "how-to", "monitoring.md"))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "\n### "+section+"\n")
	require.True(t, found)
	rest, _, _ = strings.Cut(rest, "\n### ")
	blocks := regexp.MustCompile("(?s)\n```sh\n(.*?)```\n").FindAllStringSubmatch(rest, -1)
	require.Greater(t, len(blocks), n)
	return blocks[n][1]
}

const (
	whoLoggedIn  = "Who logged in as root this week"
	badSignature = "An alert for a bad signature"
)

func TestJournalEntryHasEveryFactInAField(t *testing.T) {
	var forwarded *net.UnixConn
	h, fingerprint, request := logins(t, "", func(h *host.Host) { forwarded = startJournald(t, h) })

	printed := entries(t, h, "EIC_USER=root", "EIC_ACTION=key-printed")
	require.Len(t, printed, 2, "expected one record for each of sshd's two runs")
	text := "Providing ssh key from EC2 Instance Connect with fingerprint: " + fingerprint +
		", request-id: " + request + ", for IAM principal: " + caller
	for name, want := range map[string]string{
		"MESSAGE": text, "MESSAGE_ID": "8bc2d72dbe134682bd101075bc75ec08", "PRIORITY": "6", "SYSLOG_FACILITY": "10",
		"SYSLOG_IDENTIFIER": "eic", "_TRANSPORT": "journal", "EIC_FINGERPRINT": fingerprint, "EIC_REQUEST_ID": request,
		"EIC_CALLER": caller, "EIC_KEY_TYPE": "ssh-ed25519", "EIC_INSTANCE": sim.DefaultInstanceID,
	} {
		require.Equal(t, want, printed[0][name], name)
	}
	require.NotContains(t, printed[0], "EIC_REASON")
	require.Len(t, entries(t, h, "EIC_REASON=bad-signature", "-p", "warning"), 1)
	require.Len(t, entries(t, h), 6, "expected no duplicate record")
	require.Empty(t, h.Log.Lines("eic"))

	// Readers of a syslog daemon's file find the same line as without journald.
	buffer := make([]byte, 64<<10)
	require.NoError(t, forwarded.SetReadDeadline(time.Now().Add(10*time.Second)))
	for {
		n, err := forwarded.Read(buffer)
		require.NoError(t, err, "journald did not forward the line")
		if strings.Contains(string(buffer[:n]), text) {
			require.Regexp(t, `^<86>\w{3} [ \d]\d \d\d:\d\d:\d\d eic\[\d+\]: Providing `, string(buffer[:n]))
			break
		}
	}
}

func TestJournalQueriesOfTheMonitoringPageWork(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			h, fingerprint, _ := logins(t, "--log-format="+format, func(h *host.Host) { startJournald(t, h) })
			var lines []string
			require.Eventually(t, func() bool { // journald stores entries asynchronously
				lines = strings.Split(strings.TrimSpace(shell(t, h, query(t, whoLoggedIn, 0))), "\n")
				return len(lines) == 2
			}, 5*time.Second, 100*time.Millisecond)
			require.Regexp(t, `: Accepted publickey for root from .*`+regexp.QuoteMeta(fingerprint)+"$", lines[0])
			require.Equal(t, caller, lines[1])
			require.Equal(t, 1, strings.Count(shell(t, h, query(t, badSignature, 0)), "\n"))

			for _, entry := range entries(t, h) {
				require.Equal(t, format == "json", json.Valid([]byte(entry["MESSAGE"])))
			}
		})
	}
}

func TestFileQueriesOfTheMonitoringPageWork(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			h, fingerprint, request := logins(t, "--log-format="+format, func(*host.Host) {})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			require.NoError(t, h.Log.Wait(ctx, "sshd", "Accepted publickey for root"))
			var file strings.Builder
			for _, line := range h.Log.Lines("") {
				fmt.Fprintf(&file, "Nov 22 12:34:56 ip-10-0-0-1 %s[123]: %s\n", line.Program, line.Text)
			}
			require.NoError(t, h.WriteFile(authLog, []byte(file.String())))

			require.Equal(t, 1, strings.Count(shell(t, h, query(t, badSignature, 1)), "\n"))
			if format == "json" {
				require.Equal(t, `2 "eic.caller":"`+caller+`"`, strings.TrimSpace(shell(t, h, query(t, whoLoggedIn, 2))))
				return
			}
			lines := strings.Split(shell(t, h, query(t, whoLoggedIn, 1)), "\n")
			require.Len(t, lines, 3) // the last line is empty
			require.Contains(t, lines[0], "Accepted publickey for root from ")
			require.Equal(t, "\t"+fingerprint+", request-id: "+request+", for IAM principal: "+caller, lines[1])
		})
	}
}
