package sshdconfig

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/argv"
)

// freePort returns a port on loopback that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

func makeKey(t *testing.T, file string) {
	t.Helper()
	out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file).CombinedOutput()
	require.NoError(t, err, string(out))
}

// server is an sshd that runs in the foreground, and its log.
type server struct {
	cmd *exec.Cmd
	log chan string
}

func startServer(t *testing.T, root string, args ...string) *server {
	t.Helper()
	cmd := exec.Command("/usr/sbin/sshd", append([]string{"-D", "-e"}, args...)...)
	cmd.Dir = "/"
	if root != "/" {
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	}
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	s := &server{cmd, make(chan string, 1000)}
	go s.follow(stderr)
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_, _ = cmd.Process.Wait()
	})
	s.waitFor(t, "Server listening")
	return s
}

func (s *server) follow(stderr io.Reader) {
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		s.log <- lines.Text()
	}
	close(s.log)
}

func (s *server) waitFor(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	var seen []string
	for {
		select {
		case line, more := <-s.log:
			require.True(t, more, "sshd ended:\n%s", strings.Join(seen, "\n"))
			if seen = append(seen, line); strings.Contains(line, text) {
				return
			}
		case <-deadline:
			require.Fail(t, "sshd never said "+text, strings.Join(seen, "\n"))
		}
	}
}

// The arguments that sshd gives a command are those it was written with: what
// Quote and Escape write, sshd splits and expands as this product does.
func TestServerGivesWhatWasWritten(t *testing.T) {
	flags := []string{
		"plain", "", "a b", " lead", `it's`, `say "x"`, `a\`, `\\`, `\" \' \ `, "tab\there", "100%", "%u", "%%", "ä ö", "$HOME `x` * ; | &",
		`--chain`, `/usr/bin/x "a b" %u '%f'`, "=", "end\u2028",
	}
	var args []string
	for _, flag := range flags {
		args = append(args, argv.Escape(flag))
	}
	e := entry{args: args}
	require.NoError(t, entry{args: args[:9]}.check())
	line := strings.Replace(e.command(), Program, "/usr/bin/record", 1)
	port := freePort(t)
	root := newRoot(t, map[string]string{
		"usr/bin/record": "#!/bin/bash\nprintf '%s\\0' \"$@\" >/run/record\n",
		"etc/ssh/sshd_config": "ListenAddress 127.0.0.1:" + port + "\nUsePAM no\nHostKey /etc/ssh/key\nPidFile none\n" +
			"AuthorizedKeysCommand " + line + "\nAuthorizedKeysCommandUser root\n",
	})
	require.NoError(t, os.Chmod(root, 0o755))
	require.NoError(t, os.Chmod(filepath.Join(root, "usr/bin/record"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "run/sshd"), 0o755))
	makeKey(t, filepath.Join(root, "etc/ssh/key"))
	key := filepath.Join(t.TempDir(), "key")
	makeKey(t, key)
	s := startServer(t, root)

	out, err := exec.Command("ssh", "-F", "none", "-p", port, "-i", key, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "FingerprintHash=sha256", "root@127.0.0.1", "true").CombinedOutput()
	require.Error(t, err, "nobody is let in by a command that prints nothing")
	require.Contains(t, string(out), "Permission denied")
	s.waitFor(t, "Connection closed")

	got := strings.Split(strings.TrimSuffix(readFile(t, root, "run/record"), "\x00"), "\x00")
	want := append([]string{"authorized-keys"}, flags...)
	require.Equal(t, append(want, "root"), got[:len(got)-1])
	require.Regexp(t, `^SHA256:\S+$`, got[len(got)-1])
}

// privateMachine gives the test a view of this machine of its own, in which
// /run and /etc/ssh are empty. It ends with the test: the thread is not given
// back.
func privateMachine(t *testing.T) {
	t.Helper()
	needRoot(t)
	runtime.LockOSThread()
	require.NoError(t, syscall.Unshare(syscall.CLONE_NEWNS), "this test needs a mount namespace of its own")
	require.NoError(t, syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	for _, folder := range []string{"/run", "/etc/ssh"} {
		require.NoError(t, syscall.Mount("tmpfs", folder, "tmpfs", 0, "mode=755"))
	}
}

func TestTestingLeavesNothingBehind(t *testing.T) {
	privateMachine(t)
	putFiles(t, "/etc/ssh", map[string]string{"sshd_config": includeFirst, "sshd_config.d/50-x.conf": "UsePAM yes\n"})
	_, err := os.Stat("/run/sshd")
	require.ErrorIs(t, err, os.ErrNotExist)

	result, err := Host{}.Enable(t.Context(), Options{Flags: []string{"--budget", "5s"}})
	require.NoError(t, err)
	require.True(t, result.Changed)
	require.Empty(t, result.Reloaded, "no sshd runs here")
	e, err := Host{}.Effective(t.Context(), Connection{User: "root"})
	require.NoError(t, err)
	require.Equal(t, "/usr/bin/eic authorized-keys --budget 5s %u %f", e.Command)
	for _, folder := range []string{"/run", "/tmp"} {
		left, err := filepath.Glob(filepath.Join(folder, ".eic-*"))
		require.NoError(t, err)
		require.Empty(t, left)
	}
	_, err = os.Stat("/run/sshd")
	require.ErrorIs(t, err, os.ErrNotExist, "the folder stood in for was left behind")
}

// waitForFile polls in the goroutine of the test, which alone sees its /run.
func waitForFile(t *testing.T, name, content string) {
	t.Helper()
	for range 1000 {
		if data, err := os.ReadFile(name); err == nil && string(data) == content {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.Fail(t, "nobody wrote "+name)
}

func TestRunningServerIsReloadedNotRestarted(t *testing.T) {
	privateMachine(t)
	port := freePort(t)
	putFiles(t, "/etc/ssh", map[string]string{"sshd_config": "ListenAddress 127.0.0.1:" + port + "\nHostKey /etc/ssh/key\n"})
	makeKey(t, "/etc/ssh/key")
	require.NoError(t, os.MkdirAll("/run/sshd", 0o755))
	s := startServer(t, "/")
	pid := strconv.Itoa(s.cmd.Process.Pid)
	waitForFile(t, "/run/sshd.pid", pid+"\n")

	for _, step := range []func() (Result, error){
		func() (Result, error) { return Host{}.Enable(t.Context(), Options{}) },
		func() (Result, error) { return Host{}.Disable(t.Context(), false) },
	} {
		result, err := step()
		require.NoError(t, err)
		require.Equal(t, "process "+pid, result.Reloaded)
		s.waitFor(t, "Received SIGHUP; restarting")
		s.waitFor(t, "Server listening")
	}
	result, err := Host{}.Disable(t.Context(), false)
	require.NoError(t, err)
	require.Empty(t, result.Reloaded, "nothing changed, nothing to reload")
}

func TestPidFileOfSomethingElseIsNotSignalled(t *testing.T) {
	privateMachine(t)
	putFiles(t, "/etc/ssh", map[string]string{"sshd_config": "UsePAM yes\n"})
	for _, content := range []string{strconv.Itoa(os.Getpid()) + "\n", "1\n", "-1\n", "0", "x", ""} {
		require.NoError(t, os.WriteFile("/run/sshd.pid", []byte(content), 0o644))
		result, err := Host{}.Enable(t.Context(), Options{Flags: []string{"--deny-user", "u" + content[:min(1, len(content))]}})
		require.NoError(t, err)
		require.Empty(t, result.Reloaded)
	}
}

// Inside a chroot the package configures what it sees and leaves the sshd that
// runs outside alone, even if its PidFile can be seen.
func TestInsideChroot(t *testing.T) {
	outside := newRoot(t, map[string]string{
		"etc/ssh/sshd_config": "ListenAddress 127.0.0.1:" + freePort(t) + "\nHostKey /etc/ssh/key\n",
	})
	makeKey(t, filepath.Join(outside, "etc/ssh/key"))
	require.NoError(t, os.MkdirAll(filepath.Join(outside, "run/sshd"), 0o755))
	pid := startServer(t, outside).cmd.Process.Pid

	root := newRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst, "run/sshd.pid": strconv.Itoa(pid)})
	before := snapshot(t, root)
	results, failures := make([]Result, 3), make([]error, 3)
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with its root
		if failures[0] = errors.Join(syscall.Unshare(syscall.CLONE_FS), syscall.Chroot(root), syscall.Chdir("/")); failures[0] != nil {
			return
		}
		results[0], failures[0] = Host{}.Enable(context.Background(), Options{})
		results[1], failures[1] = Host{}.Enable(context.Background(), Options{})
		results[2], failures[2] = Host{}.Disable(context.Background(), false)
	}()
	<-done
	for i, changed := range []bool{true, false, true} {
		require.NoError(t, failures[i])
		require.Equal(t, changed, results[i].Changed)
		require.Empty(t, results[i].Reloaded)
	}
	require.Equal(t, before, snapshot(t, root))
}

// Where systemd runs the machine, it reloads the unit.
func TestUnitIsReloaded(t *testing.T) {
	tests := map[string]struct {
		unit  string
		fails bool
		want  []string
	}{
		"Debian's name is not found": {unit: "ssh.service", want: []string{"show --property=MainPID ssh.service", "reload ssh.service"}},
		"the others' name is not found": {unit: "sshd.service", want: []string{
			"show --property=MainPID ssh.service", "show --property=MainPID sshd.service", "reload sshd.service",
		}},
		"a server that does not run is started": {want: []string{"show --property=MainPID ssh.service", "show --property=MainPID sshd.service"}},
		"a reload that fails goes unnoticed":    {unit: "ssh.service", fails: true, want: []string{"show --property=MainPID ssh.service", "reload ssh.service"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			privateMachine(t)
			putFiles(t, "/etc/ssh", map[string]string{
				"sshd_config":             includeFirst + "ListenAddress 127.0.0.1:" + freePort(t) + "\nHostKey /etc/ssh/key\nPidFile none\n",
				"sshd_config.d/50-x.conf": "UsePAM yes\n",
			})
			makeKey(t, "/etc/ssh/key")
			require.NoError(t, os.MkdirAll("/run/sshd", 0o755))
			pid := startServer(t, "/").cmd.Process.Pid
			require.NoError(t, os.Remove("/run/sshd"))
			require.NoError(t, os.MkdirAll("/run/systemd/system", 0o755))
			systemd := &systemctl{unit: test.unit, pid: pid, fails: test.fails}
			result, err := Host{Run: systemd.run}.Enable(t.Context(), Options{})
			require.Equal(t, test.want, systemd.calls)
			if test.fails {
				require.ErrorContains(t, err, "reloading ssh.service, whose new configuration is in place")
				require.ErrorContains(t, err, "unit says no")
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.unit, result.Reloaded)
			info, err := os.Stat("/run/sshd")
			require.NoError(t, err, "systemd may need the folder at this moment")
			require.True(t, info.IsDir())
		})
	}
}

// systemctl answers for a systemd that runs one unit; everything else is run.
type systemctl struct {
	unit  string
	pid   int
	fails bool
	calls []string
}

func (s *systemctl) run(ctx context.Context, name string, args ...string) ([]byte, []byte, error) {
	if filepath.Base(name) != "systemctl" {
		return Exec("/")(ctx, name, args...)
	}
	s.calls = append(s.calls, strings.Join(args, " "))
	switch {
	case args[0] == "show" && args[2] == s.unit:
		return fmt.Appendf(nil, "MainPID=%d\n", s.pid), nil, nil
	case args[0] == "show":
		return []byte("MainPID=0\n"), nil, nil
	case s.fails:
		return nil, []byte("unit says no\n"), os.ErrInvalid
	default:
		return nil, nil, nil
	}
}
