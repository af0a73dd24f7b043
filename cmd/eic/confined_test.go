package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/audit"
	"eic/internal/othercommand"
	"eic/internal/settings"
	"eic/internal/sim"
	"eic/test/host"
	"eic/test/needs"
)

// plantedVariable makes the test binary a program with a planted vulnerability. Its value is
// the metadata service's URL and the file of trust anchors.
const plantedVariable = "EIC_TEST_PLANTED"

// plantedLog reads a file when an event is logged, which is after answers from the network have
// been parsed.
type plantedLog struct{}

func (plantedLog) Open() {}

func (plantedLog) Write(e audit.Event) {
	_, err := os.ReadFile("/etc/passwd")
	fmt.Fprintf(os.Stderr, "planted read succeeded: %t\n", err == nil)
}

// plantedRun does the work of authorized-keys, with the planted vulnerability.
func plantedRun(t *testing.T, endpoint, anchors string) {
	t.Helper()
	_, err := os.ReadFile("/etc/passwd")
	require.NoError(t, err)
	s := settings.New()
	s.Endpoint, s.AnyMachine, s.TrustAnchors = endpoint, true, anchors
	require.Equal(t, exitOK, answer(t.Context(), s, othercommand.Question{User: "alice"}, plantedLog{}, os.Stdout))
}

// A vulnerability that an answer from the network triggers must not be able to open a file.
func TestConfinedProgramCannotReadAPlantedFile(t *testing.T) {
	needs.Root(t)
	if value := os.Getenv(plantedVariable); value != "" {
		endpoint, anchors, _ := strings.Cut(value, " ")
		plantedRun(t, endpoint, anchors)
		return
	}
	world := goodWorld(t)
	command := exec.Command(os.Args[0], "-test.run", "^TestConfinedProgramCannotReadAPlantedFile$", "-test.v")
	command.Env = append(os.Environ(), plantedVariable+"="+world.endpoint+" "+world.anchors)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), aliceKey)
	require.Contains(t, string(output), "planted read succeeded: false")
}

// A kernel without Landlock, or a seccomp filter that refuses one of its calls, must not cost a
// login.
func TestKeyIsPrintedWithoutLandlock(t *testing.T) {
	needs.Root(t)
	strace := needs.Tool(t, "strace")
	dir := t.TempDir()
	require.NoError(t, host.Build(t.Context(), dir))
	world := goodWorld(t)
	for _, inject := range []string{
		"landlock_create_ruleset:error=ENOSYS", "landlock_create_ruleset:error=EPERM:when=2+", "landlock_create_ruleset:error=ENOSYS:when=2+",
		"landlock_add_rule:error=EPERM", "landlock_add_rule:error=ENOSYS",
		"landlock_restrict_self:error=EPERM", "landlock_restrict_self:error=ENOSYS",
	} {
		t.Run(inject, func(t *testing.T) {
			call, _, _ := strings.Cut(inject, ":")
			command := exec.Command(strace, "-f", "-qq", "-o", filepath.Join(dir, "trace"), "-e", "trace="+call,
				"-e", "inject="+inject, filepath.Join(dir, "eic"), "authorized-keys",
				"--imds-endpoint", world.endpoint, "--no-instance-check", "--trust-anchors", world.anchors, "alice")
			output, err := command.CombinedOutput()
			require.NoError(t, err, "%s", output)
			require.Equal(t, aliceKey+"\n", string(output))
			trace, err := os.ReadFile(filepath.Join(dir, "trace"))
			require.NoError(t, err)
			require.Contains(t, string(trace), "INJECTED", "expected the call to be made and refused")
		})
	}
}

// doctor must be as confined as authorized-keys before it reads answers of the metadata
// service.
func TestDoctorIsConfinedBeforeItsFirstRequest(t *testing.T) {
	needs.Root(t)
	strace := needs.Tool(t, "strace")
	dir := t.TempDir()
	require.NoError(t, host.Build(t.Context(), dir))
	world := goodWorld(t)
	command := exec.Command(strace, "-f", "-qq", "-o", filepath.Join(dir, "trace"), "-e", "trace=connect,landlock_restrict_self",
		filepath.Join(dir, "eic"), "doctor", "--observe", "--user", "alice", "--",
		"--imds-endpoint", world.endpoint, "--no-instance-check", "--trust-anchors", world.anchors)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), `"SignerError":""`)
	trace, err := os.ReadFile(filepath.Join(dir, "trace"))
	require.NoError(t, err)
	confined, connected := strings.Index(string(trace), "landlock_restrict_self("), strings.Index(string(trace), "sa_family=AF_INET")
	require.GreaterOrEqual(t, confined, 0, "%s", trace)
	require.Greater(t, connected, confined, "%s", trace)
}

type servedWorld struct{ endpoint, anchors string }

// goodWorld serves a world without faults, with a key for alice.
func goodWorld(t *testing.T) servedWorld {
	t.Helper()
	s, err := sim.Start(sim.Options{})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	_, err = s.Push("alice", aliceKey)
	require.NoError(t, err)
	anchors := filepath.Join(t.TempDir(), "anchors.pem")
	require.NoError(t, os.WriteFile(anchors, s.Roots, 0o600))
	return servedWorld{s.IMDS[0], anchors}
}

// While the program waits for the metadata service, another process of the same user must not
// be able to write to the pipe that sshd reads.
func TestSameUserCannotWriteToTheOutput(t *testing.T) {
	needs.Root(t)
	dir, err := os.MkdirTemp("/", "eic-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, host.Build(t.Context(), dir))
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, silent.Close()) })
	nobody := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	command := exec.Command(filepath.Join(dir, "eic"), "authorized-keys", "--imds-endpoint", "http://"+silent.Addr().String(),
		"--no-instance-check", "alice")
	command.SysProcAttr = nobody
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	conn, err := silent.Accept() // the program waits for an answer by now
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // the test is over

	intruder := exec.Command("/bin/sh", "-c", fmt.Sprintf("echo ssh-ed25519 AAAA >/proc/%d/fd/1", command.Process.Pid))
	intruder.SysProcAttr = nobody
	said, err := intruder.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(said), "Permission denied")
	require.NoError(t, command.Process.Kill())
	printed, err := io.ReadAll(output)
	require.NoError(t, err)
	require.Empty(t, printed)
	_ = command.Wait() // it was killed
}
