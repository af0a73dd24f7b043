package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
	"eic/test/host/hosttest"
	"eic/test/needs"
	"eic/test/sssd"
	"eic/test/transcripts"
)

var update = flag.Bool("update", false, "write the transcripts into the document instead of comparing them")

// session records the terminals of an administrator and of a user.
type session struct {
	t    *testing.T
	host *host.Host
	text strings.Builder
}

func (s *session) say(format string, args ...any) { fmt.Fprintf(&s.text, format, args...) }

// login tries to log in with a key and records the result. name is the key's name in the
// transcript.
func (s *session) login(user, name, key string) {
	result := hosttest.Capture(s.t, s.host.SSH(user, key, "id", "-un"))
	s.say("$ ssh -i %s %s@host id -un\n%s%s", name, user, result.Stdout, strings.NewReplacer("127.0.0.1", "host", "\r\n", "\n").Replace(result.Stderr))
}

func (s *session) push(user, key string) {
	hosttest.Push(s.t, s.host, user, key)
	s.say("$ aws ec2-instance-connect send-ssh-public-key --instance-os-user %s --ssh-public-key file://%s.pub …\n", user, filepath.Base(key))
}

// eic runs a command of eic that changes sshd's configuration.
func (s *session) eic(args ...string) {
	result := hosttest.Change(s.t, s.host, args...)
	s.say("# eic %s\n%s", strings.Join(args, " "), result.Stdout)
}

// refused runs a command of eic that must change nothing.
func (s *session) refused(args ...string) {
	result := hosttest.Capture(s.t, s.host.Command("root", host.Binary, args...))
	require.Equal(s.t, 3, result.Status)
	s.say("# eic %s\n%s", strings.Join(args, " "), result.Stderr)
}

// onHost starts a host whose settings name the simulator's roots as trust anchors.
func onHost(t *testing.T, config string) *session {
	t.Helper()
	s := &session{t: t, host: hosttest.Start(t, host.Options{}, config)}
	require.NoError(t, s.host.WriteFile("/etc/eic/eic.conf", []byte("trust-anchors "+host.TrustAnchors+"\n")))
	return s
}

// The transcripts in the documentation match what happens.
func TestTranscriptsOfHostsWithOtherLogins(t *testing.T) {
	needs.Root(t)
	stories := map[string]string{}
	pid := regexp.MustCompile(`process \d+ reloaded`)
	for name, tell := range map[string]func(*testing.T) string{
		"certificates": certificates, "sssd": withSSSD, "another-command": anotherCommand, "aws-package": awsPackage,
	} {
		t.Run(name, func(t *testing.T) {
			stories[name] = pid.ReplaceAllLiteralString(tell(t), "process 812 reloaded")
		})
	}
	transcripts.Compare(t, []string{"../../docs/how-to/other-logins.md"}, stories, *update)
}

func certificates(t *testing.T) string {
	s := onHost(t, "")
	certified, pushed := newCertificate(t, s.host), hosttest.NewKey(t, s.host, "pushed")
	restart(t, s.host, withCertificates)
	s.login("alice", "certified", certified)
	s.login("alice", "pushed", pushed)
	s.eic("enable")
	s.login("alice", "certified", certified)
	s.push("alice", pushed)
	s.login("alice", "pushed", pushed)
	s.eic("disable")
	s.login("alice", "certified", certified)
	return s.text.String()
}

func withSSSD(t *testing.T) string {
	s := onHost(t, "AuthorizedKeysCommand "+sssd.Command+" %u\nAuthorizedKeysCommandUser nobody\n")
	inDirectory, pushed := hosttest.NewKey(t, s.host, "in-directory"), hosttest.NewKey(t, s.host, "pushed")
	sssd.Start(t, s.host, map[string]string{"carol": inDirectory})
	s.login("carol", "in-directory", inDirectory)
	s.login("carol", "pushed", pushed)
	s.refused("enable")
	s.eic("enable", "--chain")
	s.login("carol", "in-directory", inDirectory)
	s.push("carol", pushed)
	s.login("carol", "pushed", pushed)
	s.eic("disable")
	s.login("carol", "in-directory", inDirectory)
	return s.text.String()
}

func anotherCommand(t *testing.T) string {
	const record = "/run/userdb/bob.user-privileged"
	s := onHost(t, "AuthorizedKeysCommand /usr/bin/userdbctl ssh-authorized-keys %u\nAuthorizedKeysCommandUser root\n")
	recorded, pushed := hosttest.NewKey(t, s.host, "recorded"), hosttest.NewKey(t, s.host, "pushed")
	line, err := os.ReadFile(recorded + ".pub")
	require.NoError(t, err)
	require.NoError(t, s.host.WriteFile("/run/userdb/bob.user", []byte(`{"userName":"bob","disposition":"regular"}`)))
	require.NoError(t, s.host.WriteFile(record, fmt.Appendf(nil, `{"privileged":{"sshAuthorizedKeys":[%q]}}`, strings.TrimSpace(string(line)))))
	require.NoError(t, os.Chmod(s.host.Path(record), 0o600))
	s.login("bob", "recorded", recorded)
	s.login("alice", "pushed", pushed)
	s.refused("enable")
	s.eic("enable", "--chain")
	s.login("bob", "recorded", recorded)
	s.push("alice", pushed)
	s.login("alice", "pushed", pushed)
	return s.text.String()
}

func awsPackage(t *testing.T) string {
	const command = "AuthorizedKeysCommand " + oldCommand + " %u %f\nAuthorizedKeysCommandUser ec2-instance-connect\n"
	s := onHost(t, "")
	require.NoError(t, os.MkdirAll(s.host.Path(filepath.Dir(oldCommand)), 0o755))
	require.NoError(t, os.Symlink(host.Binary, s.host.Path(oldCommand)))
	passwd, err := os.ReadFile(s.host.Path("/etc/passwd"))
	require.NoError(t, err)
	account := "ec2-instance-connect:x:998:65534::/nonexistent:/usr/sbin/nologin\n"
	require.NoError(t, s.host.WriteFile("/etc/passwd", append(bytes.Clone(passwd), account...)))
	restart(t, s.host, "Match User bob\n"+command+"Match all\n")
	pushed := hosttest.NewKey(t, s.host, "pushed")
	s.push("bob", pushed)
	s.login("bob", "pushed", pushed)
	s.say("# userdel ec2-instance-connect\n")
	require.NoError(t, s.host.WriteFile("/etc/passwd", passwd))
	s.login("bob", "pushed", pushed)
	s.eic("enable", "--replace-ec2-instance-connect")
	s.login("bob", "pushed", pushed)
	s.push("alice", pushed)
	s.login("alice", "pushed", pushed)
	return s.text.String()
}

// oldCommand is the path of AWS's script on Amazon Linux. eic's package has a link there.
const oldCommand = "/opt/aws/bin/eic_run_authorized_keys"
