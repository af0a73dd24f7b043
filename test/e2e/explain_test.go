package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/doctor"
	"eic/internal/settings"
	"eic/test/host"
	"eic/test/host/hosttest"
)

// On an instance that knows its id from the firmware, eic explain gives the same answer as the
// login, and writes nothing to the system log. eic verify accepts the saved evidence.
func TestExplainMatchesTheLogin(t *testing.T) {
	const kept = "/run/kept"
	h := hosttest.Start(t, host.Options{}, host.Packaged)
	explain := func(user string, args ...string) host.Result {
		args = append([]string{"explain", "--trust-anchors=" + host.TrustAnchors}, args...)
		return hosttest.Capture(t, h.Command(user, host.Binary, args...))
	}
	key := hosttest.NewKey(t, h, "key")
	before := explain(host.ServiceUser, "alice")
	require.Equal(t, 3, before.Status, before.Stdout)
	require.Contains(t, before.Stdout, "This machine is EC2 instance i-0123456789abcdef0 (Nitro, from its board asset tag)\n")
	require.Contains(t, before.Stdout, "Answer: no key; nobody pushed a key for user \"alice\" in the last minute\n")

	id := hosttest.Push(t, h, "alice", key)
	after := explain(host.ServiceUser, "alice", hosttest.Fingerprint(t, key, "sha256"))
	require.Zero(t, after.Status, after.Stdout)
	require.Contains(t, after.Stdout, "\n  request id    "+id+"\n")
	require.Contains(t, after.Stdout, "\nAnswer: the key would be printed\n")

	asRoot := explain("root", "--save="+kept, "alice")
	require.Contains(t, asRoot.Stdout, "as given: user root, flags --trust-anchors="+host.TrustAnchors+"; without these flags, explain uses those of sshd's command\n")
	require.Zero(t, asRoot.Status)
	require.Contains(t, asRoot.Stdout, "\nsshd lets alice log in with a pushed key\n")
	require.Empty(t, h.Log.Texts("eic"), "explain must not write to the system log")
	hosttest.RequireLogin(t, h, "alice", key)
	require.NotEmpty(t, h.Log.Texts("eic"))

	again := hosttest.Capture(t, h.Command("root", host.Binary, "verify", kept))
	require.Zero(t, again.Status, again.Stderr)
	require.Contains(t, again.Stdout, "\n  request id    "+id+"\n")
	others := hosttest.Capture(t, h.Command(host.ServiceUser, host.Binary, "verify", kept))
	require.Equal(t, 1, others.Status)
	require.Contains(t, others.Stderr, "permission denied", "expected only the owner to read saved evidence")
}

// As root, eic explain asks with the user and flags of sshd's command, however sshd runs eic.
func TestExplainUsesTheUserAndFlagsOfSSHDsCommand(t *testing.T) {
	const oldName, other = "/opt/aws/bin/eic_run_authorized_keys", "/opt/other"
	h := hosttest.Start(t, host.Options{}, "")
	require.NoError(t, h.WriteFile(settings.File, []byte("trust-anchors "+host.TrustAnchors+"\n")))
	require.NoError(t, os.MkdirAll(h.Path(filepath.Dir(oldName)), 0o755))
	require.NoError(t, os.Symlink(host.Binary, h.Path(oldName)))
	require.NoError(t, h.WriteFile(other, []byte("#!/bin/sh\n")))
	require.NoError(t, os.Chmod(h.Path(other), 0o755))
	hosttest.Push(t, h, "alice", hosttest.NewKey(t, h, "key"))
	const denied, printed = "refused, user-denied\n", "\nAnswer: the key would be printed\n"
	const deny = host.Binary + " authorized-keys --deny-user=alice "
	for name, try := range map[string]struct {
		config string
		args   []string
		status int
		first  string
		also   string
	}{
		"sshd runs eic": {config: "AuthorizedKeysCommand " + deny + "%u %f\n" + host.RunAsServiceUser, status: 3,
			first: "as sshd does: program /usr/bin/eic, user _eic, flags --deny-user=alice", also: denied},
		"sshd runs eic by the name of AWS's script": {config: "AuthorizedKeysCommand " + oldName + " %u %f\n" + host.RunAsServiceUser,
			first: "as sshd does: program " + oldName + ", user _eic, no flags", also: printed},
		"sshd runs eic in a Match block": {config: "AuthorizedKeysCommand " + host.Binary + " authorized-keys %u %f\n" + host.RunAsServiceUser +
			"Match User al*\nAuthorizedKeysCommand " + deny + "%u %f\nAuthorizedKeysCommandUser nobody\nMatch all\n", status: 3,
			first: "as sshd does: program /usr/bin/eic, user nobody, flags --deny-user=alice", also: denied},
		"sshd runs eic with a chained command": {config: "AuthorizedKeysCommand " + host.Binary + " authorized-keys \"--chain=" + other + " %%u %%f\" %u %f\n" + host.RunAsServiceUser,
			first: "as sshd does: program /usr/bin/eic, user _eic, flags \"--chain=" + other + " %u %f\"", also: printed},
		"sshd runs eic as root with --run-as": {config: "AuthorizedKeysCommand " + host.Binary + " authorized-keys --run-as=_eic --chain=" + other + " %u %f\nAuthorizedKeysCommandUser root\n",
			first: "as sshd does: program /usr/bin/eic, user _eic, flags --run-as=_eic --chain=" + other, also: printed},
		"another command runs eic": {config: "AuthorizedKeysCommand " + other + " --chain -- %u " + deny + "%u %f\n" + host.RunAsServiceUser, status: 3,
			first: "as sshd does: program /usr/bin/eic, user _eic, flags --deny-user=alice", also: denied},
		"the administrator gives a fingerprint": {config: "AuthorizedKeysCommand " + host.Binary + " authorized-keys %u %f\n" + host.RunAsServiceUser, status: 3,
			args:  []string{"alice", doctor.NobodysFingerprint},
			first: "as sshd does: program /usr/bin/eic, user _eic, no flags", also: "refused, other-fingerprint\n"},

		"sshd runs another command": {config: "AuthorizedKeysCommand " + other + " %u\n" + host.RunAsServiceUser, status: 3,
			first: "as given: user root, no flags; sshd runs \"" + other + " %u\", which is not eic", also: printed},
		"sshd runs no command": {status: 3,
			first: "as given: user root, no flags; sshd runs no AuthorizedKeysCommand", also: printed},
		"AuthorizedKeysCommandUser does not exist": {config: "AuthorizedKeysCommand " + deny + "%u %f\nAuthorizedKeysCommandUser carol\n", status: 3,
			first: `as given: user root, no flags; looking up AuthorizedKeysCommandUser "carol": `, also: printed},
		"sshd -T fails": {config: "NoSuchKeyword yes\n", status: 3,
			first: "as given: user root, no flags; running /usr/sbin/sshd", also: printed},
		"the administrator gives --as-given": {config: "AuthorizedKeysCommand " + deny + "%u %f\n" + host.RunAsServiceUser,
			args:  []string{"--as-given", "alice"},
			first: "as given: user root, no flags", also: printed},
		"the administrator gives flags": {config: "AuthorizedKeysCommand " + deny + "%u %f\n" + host.RunAsServiceUser, status: 3,
			args:  []string{"--allow-user=bob", "alice"},
			first: "as given: user root, flags --allow-user=bob; without these flags, explain uses those of sshd's command", also: denied},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, h.Configure(try.config))
			if try.args == nil {
				try.args = []string{"alice"}
			}
			got := hosttest.Capture(t, h.Command("root", host.Binary, append([]string{"explain"}, try.args...)...))
			first, _, _ := strings.Cut(got.Stdout, "\n")
			require.True(t, strings.HasPrefix(first, try.first), first)
			require.Contains(t, got.Stdout, try.also)
			require.Equal(t, try.status, got.Status, got.Stderr)
		})
	}
}

// If the user of sshd's command cannot read the settings, every login fails. eic explain as
// root must notice that. Saved evidence belongs to that user, wherever it is saved.
func TestExplainReadsAndSavesAsTheUserOfSSHDsCommand(t *testing.T) {
	const closed, secret = "/run/closed", "/run/closed/kept"
	h := hosttest.Start(t, host.Options{}, "")
	require.NoError(t, h.WriteFile(settings.File, []byte("trust-anchors "+host.TrustAnchors+"\n")))
	hosttest.Change(t, h, "enable")
	hosttest.Push(t, h, "alice", hosttest.NewKey(t, h, "key"))
	explain := func(args ...string) host.Result {
		return hosttest.Capture(t, h.Command("root", host.Binary, append([]string{"explain"}, args...)...))
	}
	require.NoError(t, os.Mkdir(h.Path(closed), 0o700))
	kept := explain("--save="+secret, "alice")
	require.Zero(t, kept.Status, kept.Stderr)
	require.Contains(t, kept.Stdout, "\nAnswer: the key would be printed\n")
	info, err := os.Stat(h.Path(secret))
	require.NoError(t, err)
	require.NotZero(t, info.Sys().(*syscall.Stat_t).Uid)
	require.Zero(t, hosttest.Capture(t, h.Command("root", host.Binary, "verify", secret)).Status)

	require.NoError(t, os.Chmod(h.Path(settings.File), 0o600))
	refused := explain("alice")
	require.Equal(t, 1, refused.Status, refused.Stdout)
	require.Contains(t, refused.Stderr, "asking as sshd does: reading settings from \"/etc/eic/eic.conf\": open /etc/eic/eic.conf: permission denied")
	require.Zero(t, explain("--as-given", "alice").Status)
}
