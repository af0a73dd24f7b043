package enable

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sshd"
	"eic/internal/sshd/sshdtest"
)

// privateMachine gives the test its own mount namespace, in which /run and /etc/ssh are
// empty and the system user _eic exists. The namespace ends with the test, because its
// thread is never unlocked.
func privateMachine(t *testing.T) {
	t.Helper()
	sshdtest.NeedRoot(t)
	runtime.LockOSThread()
	require.NoError(t, syscall.Unshare(syscall.CLONE_NEWNS), "the test needs its own mount namespace")
	require.NoError(t, syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	for _, directory := range []string{"/run", "/etc/ssh"} {
		require.NoError(t, syscall.Mount("tmpfs", directory, "tmpfs", 0, "mode=755"))
	}
	users := filepath.Join(t.TempDir(), "passwd")
	require.NoError(t, os.WriteFile(users, []byte(sshdtest.ReadFile(t, "/etc/passwd")+"_eic:!:990:990::/nonexistent:/usr/sbin/nologin\n"), 0o644))
	require.NoError(t, syscall.Mount(users, "/etc/passwd", "", syscall.MS_BIND, ""))
}

func TestEnableRemovesTheFilesItCreatedToRunSSHD(t *testing.T) {
	privateMachine(t)
	sshdtest.PutFiles(t, "/etc/ssh", map[string]string{"sshd_config": includeFirst, "sshd_config.d/50-x.conf": "UsePAM yes\n"})
	_, err := os.Stat("/run/sshd")
	require.ErrorIs(t, err, os.ErrNotExist)

	result, err := Add(t.Context(), sshd.Host{}, Options{Flags: []string{"--budget", "5s"}})
	require.NoError(t, err)
	require.True(t, result.Changed)
	require.Empty(t, result.Reloaded, "no sshd runs in this namespace")
	e, err := sshd.Host{}.Effective(t.Context(), sshd.Connection{User: "root"})
	require.NoError(t, err)
	require.Equal(t, "/usr/bin/eic authorized-keys --budget 5s %u %f", e.Command)
	for _, directory := range []string{"/run", "/tmp"} {
		left, err := filepath.Glob(filepath.Join(directory, ".eic-*"))
		require.NoError(t, err)
		require.Empty(t, left)
	}
	_, err = os.Stat("/run/sshd")
	require.ErrorIs(t, err, os.ErrNotExist, "the temporary privilege separation directory was not removed")
}

// waitForFile polls in the goroutine of the test, because only its thread sees the private
// /run.
func waitForFile(t *testing.T, name, content string) {
	t.Helper()
	for range 1000 {
		if data, err := os.ReadFile(name); err == nil && string(data) == content {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.Fail(t, "no process wrote "+name)
}

func TestRunningSSHDIsReloadedNotRestarted(t *testing.T) {
	tests := map[string]struct {
		program  string
		upgraded bool
	}{
		"sshd of Debian":                      {"/run/sshd-test/sshd", false},
		"sshd.pam of Alpine":                  {"/run/sshd-test/sshd.pam", false},
		"sshd whose file an upgrade replaced": {"/run/sshd-test/sshd", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			privateMachine(t)
			port := sshdtest.FreePort(t)
			program := sshdtest.ReadFile(t, "/usr/sbin/sshd")
			install := func() {
				sshdtest.PutFiles(t, "/", map[string]string{test.program[1:]: program})
				require.NoError(t, os.Chmod(test.program, 0o755))
			}
			install()
			sshdtest.PutFiles(t, "/etc/ssh", map[string]string{"sshd_config": "ListenAddress 127.0.0.1:" + port + "\nHostKey /etc/ssh/key\n"})
			sshdtest.MakeKey(t, "/etc/ssh/key")
			require.NoError(t, os.MkdirAll("/run/sshd", 0o755))
			s := sshdtest.StartProgram(t, "/", test.program)
			pid := strconv.Itoa(s.Cmd.Process.Pid)
			waitForFile(t, "/run/sshd.pid", pid+"\n")
			if test.upgraded {
				install()
			}
			for _, step := range []func() (Result, error){
				func() (Result, error) { return Add(t.Context(), sshd.Host{}, Options{}) },
				func() (Result, error) { return Remove(t.Context(), sshd.Host{}, false) },
			} {
				result, err := step()
				require.NoError(t, err)
				require.Equal(t, "process "+pid, result.Reloaded)
				s.WaitFor(t, "Received SIGHUP; restarting")
				s.WaitFor(t, "Server listening")
			}
			result, err := Remove(t.Context(), sshd.Host{}, false)
			require.NoError(t, err)
			require.Empty(t, result.Reloaded, "expected no reload, because nothing changed")
		})
	}
}

// Packages reload sshd with the distribution's own command. If policy-rc.d forbids that, or
// the command fails, eic's lines stay in place.
func TestReloadWithAnotherCommand(t *testing.T) {
	for name, test := range map[string]struct {
		script                string
		reloaded, notReloaded string
		fails                 bool
	}{
		"command reloads sshd":           {script: `kill -HUP "$1"`, reloaded: "process "},
		"policy-rc.d forbids the reload": {script: "exit 101", notReloaded: " forbids it; "},
		"command fails":                  {script: "exit 1", fails: true},
		"command does not exist":         {fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			privateMachine(t)
			sshdtest.PutFiles(t, "/etc/ssh", map[string]string{"sshd_config": "ListenAddress 127.0.0.1:" + sshdtest.FreePort(t) + "\nHostKey /etc/ssh/key\n"})
			sshdtest.MakeKey(t, "/etc/ssh/key")
			require.NoError(t, os.MkdirAll("/run/sshd", 0o755))
			if test.script != "" {
				sshdtest.PutFiles(t, "/run", map[string]string{"reload": "#!/bin/sh\n" + test.script + "\n"})
				require.NoError(t, os.Chmod("/run/reload", 0o755))
			}
			s := sshdtest.StartProgram(t, "/", "/usr/sbin/sshd")
			pid := strconv.Itoa(s.Cmd.Process.Pid)
			waitForFile(t, "/run/sshd.pid", pid+"\n")

			result, err := Add(t.Context(), sshd.Host{ReloadWith: "/run/reload " + pid}, Options{})
			require.True(t, (err != nil) == test.fails, "%v", err)
			require.Contains(t, sshdtest.ReadFile(t, "/etc/ssh/sshd_config"), "authorized-keys")
			if test.fails {
				return
			}
			require.True(t, strings.HasPrefix(result.Reloaded, test.reloaded), result.Reloaded)
			require.Contains(t, result.NotReloaded, test.notReloaded)
			require.Equal(t, test.notReloaded == "", result.NotReloaded == "")
			if test.reloaded != "" {
				s.WaitFor(t, "Received SIGHUP; restarting")
			} else {
				require.Empty(t, result.Reloaded)
				require.NoError(t, syscall.Kill(s.Cmd.Process.Pid, 0))
			}
		})
	}
}

// Other programs and users must be able to read the drop-in directory, as distributions
// create it.
func TestDropInDirectoryIsReadableUnderAStrictUmask(t *testing.T) {
	h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst})}
	before := syscall.Umask(0o077)
	defer syscall.Umask(before)
	_, err := Add(t.Context(), h, Options{})
	require.NoError(t, err)
	info, err := os.Stat(filepath.Join(h.Root, filepath.Dir(sshd.DropIn)))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o755), info.Mode().Perm())
}

func TestProcessThatIsNotSSHDIsNotSignaled(t *testing.T) {
	privateMachine(t)
	sshdtest.PutFiles(t, "/etc/ssh", map[string]string{"sshd_config": "UsePAM yes\n"})
	for _, content := range []string{strconv.Itoa(os.Getpid()) + "\n", "1\n", "-1\n", "0", "x", ""} {
		require.NoError(t, os.WriteFile("/run/sshd.pid", []byte(content), 0o644))
		result, err := Add(t.Context(), sshd.Host{}, Options{Replace: true, Flags: []string{"--deny-user", "u" + content[:min(1, len(content))]}})
		require.NoError(t, err)
		require.Empty(t, result.Reloaded)
	}
}

// Inside a chroot, Add and Remove change the files of the chroot. They must not reload the
// sshd that runs outside, even if its PidFile is visible.
func TestEnableInAChrootDoesNotReloadTheSSHDOutside(t *testing.T) {
	outside := sshdtest.NewRoot(t, map[string]string{
		"etc/ssh/sshd_config": "ListenAddress 127.0.0.1:" + sshdtest.FreePort(t) + "\nHostKey /etc/ssh/key\n",
	})
	sshdtest.MakeKey(t, filepath.Join(outside, "etc/ssh/key"))
	require.NoError(t, os.MkdirAll(filepath.Join(outside, "run/sshd"), 0o755))
	pid := sshdtest.StartServer(t, outside).Cmd.Process.Pid

	root := sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst, "run/sshd.pid": strconv.Itoa(pid)})
	before := sshdtest.Snapshot(t, root)
	results, failures := make([]Result, 3), make([]error, 3)
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with its root
		if failures[0] = errors.Join(syscall.Unshare(syscall.CLONE_FS), syscall.Chroot(root), syscall.Chdir("/")); failures[0] != nil {
			return
		}
		results[0], failures[0] = Add(context.Background(), sshd.Host{}, Options{})
		results[1], failures[1] = Add(context.Background(), sshd.Host{}, Options{})
		results[2], failures[2] = Remove(context.Background(), sshd.Host{}, false)
	}()
	<-done
	for i, changed := range []bool{true, false, true} {
		require.NoError(t, failures[i])
		require.Equal(t, changed, results[i].Changed)
		require.Empty(t, results[i].Reloaded)
	}
	require.Equal(t, before, sshdtest.Snapshot(t, root))
}

// If systemd runs the machine, systemctl reloads the unit.
func TestSystemdReloadsTheUnit(t *testing.T) {
	tests := map[string]struct {
		unit  string
		fails bool
		want  []string
	}{
		"ssh.service of Debian is reloaded": {unit: "ssh.service", want: []string{"show --property=MainPID ssh.service", "reload ssh.service"}},
		"sshd.service of other distributions is reloaded": {unit: "sshd.service", want: []string{
			"show --property=MainPID ssh.service", "show --property=MainPID sshd.service", "reload sshd.service",
		}},
		"stopped sshd is not started": {want: []string{"show --property=MainPID ssh.service", "show --property=MainPID sshd.service"}},
		"failed reload is an error":   {unit: "ssh.service", fails: true, want: []string{"show --property=MainPID ssh.service", "reload ssh.service"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			privateMachine(t)
			sshdtest.PutFiles(t, "/etc/ssh", map[string]string{
				"sshd_config":             includeFirst + "ListenAddress 127.0.0.1:" + sshdtest.FreePort(t) + "\nHostKey /etc/ssh/key\nPidFile none\n",
				"sshd_config.d/50-x.conf": "UsePAM yes\n",
			})
			sshdtest.MakeKey(t, "/etc/ssh/key")
			require.NoError(t, os.MkdirAll("/run/sshd", 0o755))
			pid := sshdtest.StartServer(t, "/").Cmd.Process.Pid
			require.NoError(t, os.Remove("/run/sshd"))
			require.NoError(t, os.MkdirAll("/run/systemd/system", 0o755))
			systemd := &systemctl{unit: test.unit, pid: pid, fails: test.fails}
			result, err := Add(t.Context(), sshd.Host{Run: systemd.run}, Options{})
			require.Equal(t, test.want, systemd.calls)
			if test.fails {
				require.ErrorContains(t, err, "reloading ssh.service, whose new configuration is in place")
				require.ErrorContains(t, err, "unit says no")
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.unit, result.Reloaded)
			info, err := os.Stat("/run/sshd")
			require.NoError(t, err, "/run/sshd must stay, because systemd may be starting sshd")
			require.True(t, info.IsDir())
		})
	}
}

// systemctl stands in for the program of that name, on a machine with one running unit. It
// executes all other programs.
type systemctl struct {
	unit  string
	pid   int
	fails bool
	calls []string
	// loaded has the files of each unit, as systemctl show prints them.
	loaded map[string]string
}

// Generators write drop-ins outside of the unit directories. Only systemd knows them and
// their order.
func TestDropInFromAGeneratorIsFound(t *testing.T) {
	privateMachine(t)
	const generated = "/run/systemd/generator.late/ssh.service.d/site.conf"
	sshdtest.PutFiles(t, "/", map[string]string{
		"etc/ssh/sshd_config":        includeFirst,
		"run/systemd/system/x.slice": "",
		"run/ssh.service":            "[Service]\nExecStart=/usr/sbin/sshd -D\n",
		generated[1:]:                "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D -o AuthorizedKeysCommand=/usr/bin/other\n",
	})
	systemd := &systemctl{loaded: map[string]string{"ssh.service": "FragmentPath=/run/ssh.service\nDropInPaths=" + generated + "\n"}}
	_, err := Add(t.Context(), sshd.Host{Run: systemd.run}, Options{})
	require.ErrorContains(t, err, generated+`:3: ssh.service starts sshd with AuthorizedKeysCommand "/usr/bin/other"`)
}

func (s *systemctl) run(ctx context.Context, name string, args ...string) ([]byte, []byte, error) {
	if filepath.Base(name) != "systemctl" {
		return sshd.Exec("/")(ctx, name, args...)
	}
	if len(args) > 2 && strings.HasPrefix(args[1], "--property=FragmentPath") {
		return []byte(s.loaded[args[2]]), nil, nil
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
