//go:build packages

// Package openssh enables eic on the sshd of each release of Debian from 11 to unstable, and
// logs in before and afterwards.
//
// It needs root, debootstrap and a network for the first run, which makes the
// roots and keeps them in /var/cache/eic-test-roots.
package openssh

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sshd"
	"eic/test/host"
	"eic/test/host/hosttest"
	"eic/test/roots"
)

// releases returns the releases of Debian, with the lowest version of OpenSSH of each.
func releases() map[string]sshd.Version {
	return map[string]sshd.Version{
		"bullseye": {Major: 8, Minor: 4},
		"bookworm": {Major: 9, Minor: 2},
		"trixie":   {Major: 10, Minor: 0},
		"sid":      {Major: 10, Minor: 0},
	}
}

func TestMain(m *testing.M) {
	os.Exit(hosttest.Main(m, func(ctx context.Context, dir string) error {
		for name := range releases() {
			if err := roots.Make(ctx, name); err != nil {
				return err
			}
		}
		return host.Build(ctx, dir)
	}))
}

// configuration is for a host where people log in with certificates. It has Match blocks with
// criteria for which sshd -T needs -C.
const configuration = "Include /etc/ssh/sshd_config.d/*.conf\n" +
	"TrustedUserCAKeys /run/eic-test/ca.pub\n" +
	"AuthorizedPrincipalsCommand /usr/bin/principals %u\n" +
	"AuthorizedPrincipalsCommandUser nobody\n" +
	"Match LocalPort 2222\n\tX11Forwarding no\n" +
	"Match User bob\n\tPermitTTY no\nMatch all\n"

// site is a host with one release, and the keys of its users.
type site struct {
	*host.Host
	t                         *testing.T
	certified, inFile, pushed string
}

func start(t *testing.T, release string) site {
	t.Helper()
	h := hosttest.Bare(t, host.Options{Root: roots.Copy(t, release), Users: []string{"alice", "bob"}})
	require.NoError(t, h.Install())
	s := site{h, t, hosttest.NewKey(t, h, "certified"), hosttest.NewKey(t, h, "in-file"), hosttest.NewKey(t, h, "pushed")}

	authority := filepath.Join(h.Dir(), "ca")
	require.NoError(t, host.Keygen(authority, "ed25519").Run())
	out, err := exec.Command(host.SSHKeygen, "-q", "-s", authority, "-I", "somebody", "-n", "operators", s.certified+".pub").CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, h.WriteFile("/usr/bin/principals", []byte("#!/bin/sh\necho operators\n")))
	require.NoError(t, os.Chmod(h.Path("/usr/bin/principals"), 0o755))
	public, err := os.ReadFile(s.inFile + ".pub")
	require.NoError(t, err)
	require.NoError(t, h.WriteFile(host.Home("alice")+"/.ssh/authorized_keys", public))
	require.NoError(t, h.Configure(configuration))
	return s
}

// eic runs a command of eic as root.
func (s site) eic(args ...string) host.Result {
	s.t.Helper()
	result := hosttest.Capture(s.t, s.Command("root", host.Binary, args...))
	s.t.Logf("eic %q: exit status %d\n%s%s", args, result.Status, result.Stdout, result.Stderr)
	return result
}

// requireLogins starts sshd. It fails unless everybody who could log in before still can. The
// pushed key must log in only if pushed is true.
func (s site) requireLogins(pushed bool) {
	s.t.Helper()
	s.Log.Forget() // StartSSHD waits for a line that an earlier sshd logged too
	require.NoError(s.t, s.StartSSHD())
	defer s.StopSSHD()
	hosttest.RequireLogin(s.t, s.Host, "alice", s.certified)
	hosttest.RequireLogin(s.t, s.Host, "alice", s.inFile)
	hosttest.Push(s.t, s.Host, "alice", s.pushed)
	if pushed {
		hosttest.RequireLogin(s.t, s.Host, "alice", s.pushed)
	} else {
		hosttest.RequireNoLogin(s.t, s.Host, "alice", s.pushed)
	}
}

func (s site) config() string {
	s.t.Helper()
	text, err := os.ReadFile(s.Path("/etc/ssh/sshd_config"))
	require.NoError(s.t, err)
	return string(text)
}

// Enabling eic must not break a login that worked before, on any release.
func TestEnableBreaksNoLoginOnAnyDebian(t *testing.T) {
	for release, version := range releases() {
		t.Run(release, func(t *testing.T) {
			s := start(t, release)
			got := sshd.Host{Root: s.Path("/")}.Version(t.Context())
			t.Logf("OpenSSH %d.%d", got.Major, got.Minor)
			require.False(t, got.Before(version.Major, version.Minor))
			s.requireLogins(false)
			before := s.config()

			require.Zero(t, s.eic("enable", "--trust-anchors", host.TrustAnchors).Status)
			s.requireLogins(true)
			s.requireHealthy()

			require.Zero(t, s.eic("disable").Status)
			require.Equal(t, before, s.config())
			require.NoFileExists(t, s.Path(sshd.DropIn))
			s.requireLogins(false)
		})
	}
}

// Some versions of sshd ignore an AuthorizedPrincipalsCommand after an AuthorizedKeysCommand.
// doctor warns about it exactly on the versions where certificates no longer log in.
func TestDoctorWarnsExactlyIfSSHDIgnoresPrincipals(t *testing.T) {
	for release := range releases() {
		t.Run(release, func(t *testing.T) {
			s := start(t, release)
			require.NoError(t, s.Configure(host.Packaged+configuration))
			require.NoError(t, s.StartSSHD())
			defer s.StopSSHD()
			login := hosttest.Capture(t, s.SSH("alice", s.certified, "whoami"))
			verdict := map[bool]string{true: "ok", false: "warning"}[login.Status == 0]
			t.Logf("a login with a certificate ended with %d", login.Status)
			require.Equal(t, verdict, s.examine("--user", "alice")["principals"])
		})
	}
}

// examine runs eic doctor and returns the verdicts by check.
func (s site) examine(args ...string) map[string]string {
	s.t.Helper()
	var report struct {
		Checks []struct{ ID, Verdict, Found string }
	}
	require.NoError(s.t, json.Unmarshal([]byte(s.eic(append([]string{"doctor", "--json"}, args...)...).Stdout), &report))
	require.NotEmpty(s.t, report.Checks)
	verdicts := map[string]string{}
	for _, c := range report.Checks {
		verdicts[c.ID] = c.Verdict
	}
	return verdicts
}

// requireHealthy requires that doctor finds nothing broken and no ignored principals.
func (s site) requireHealthy() {
	s.t.Helper()
	verdicts := s.examine("--user", "alice")
	require.Equal(s.t, "ok", verdicts["principals"])
	for id, verdict := range verdicts {
		require.NotEqual(s.t, "broken", verdict, id)
	}
}
