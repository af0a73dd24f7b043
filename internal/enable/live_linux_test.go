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

// privateMachine gives the test a view of this machine of its own, in which
// /run and /etc/ssh are empty and the system user is there. It ends with the test: the thread is not given
// back.
func privateMachine(t *testing.T) {
	t.Helper()
	sshdtest.NeedRoot(t)
	runtime.LockOSThread()
	require.NoError(t, syscall.Unshare(syscall.CLONE_NEWNS), "this test needs a mount namespace of its own")
	require.NoError(t, syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	for _, directory := range []string{"/run", "/etc/ssh"} {
		require.NoError(t, syscall.Mount("tmpfs", directory, "tmpfs", 0, "mode=755"))
	}
	users := filepath.Join(t.TempDir(), "passwd")
	require.NoError(t, os.WriteFile(users, []byte(sshdtest.ReadFile(t, "/etc/passwd")+"_eic:!:990:990::/nonexistent:/usr/sbin/nologin\n"), 0o644))
	require.NoError(t, syscall.Mount(users, "/etc/passwd", "", syscall.MS_BIND, ""))
}

func TestTestingLeavesNothingBehind(t *testing.T) {
	privateMachine(t)
	sshdtest.PutFiles(t, "/etc/ssh", map[string]string{"sshd_config": includeFirst, "sshd_config.d/50-x.conf": "UsePAM yes\n"})
	_, err := os.Stat("/run/sshd")
	require.ErrorIs(t, err, os.ErrNotExist)

	result, err := Add(t.Context(), sshd.Host{}, Options{Flags: []string{"--budget", "5s"}})
	require.NoError(t, err)
	require.True(t, result.Changed)
	require.Empty(t, result.Reloaded, "no sshd runs here")
	e, err := sshd.Host{}.Effective(t.Context(), sshd.Connection{User: "root"})
	require.NoError(t, err)
	require.Equal(t, "/usr/bin/eic authorized-keys --budget 5s %u %f", e.Command)
	for _, directory := range []string{"/run", "/tmp"} {
		left, err := filepath.Glob(filepath.Join(directory, ".eic-*"))
		require.NoError(t, err)
		require.Empty(t, left)
	}
	_, err = os.Stat("/run/sshd")
	require.ErrorIs(t, err, os.ErrNotExist, "the directory stood in for was left behind")
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
	tests := map[string]struct {
		program  string
		upgraded bool
	}{
		"Debian's":                           {"/run/sshd-test/sshd", false},
		"Alpine's with PAM":                  {"/run/sshd-test/sshd.pam", false},
		"one whose file an upgrade replaced": {"/run/sshd-test/sshd", true},
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
			require.Empty(t, result.Reloaded, "nothing changed, nothing to reload")
		})
	}
}

// Packages have sshd reloaded by the distribution's own command, which an administrator can
// forbid. What was written stays then.
func TestAnotherCommandReloadsOrRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		script                string
		reloaded, notReloaded string
		fails                 bool
	}{
		"it reloads":             {script: `kill -HUP "$1"`, reloaded: "process "},
		"policy-rc.d forbids it": {script: "exit 101", notReloaded: " forbids it; "},
		"it fails":               {script: "exit 1", fails: true},
		"it is not there":        {fails: true},
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

// A directory that only root may enter keeps sshd's own configuration from those
// who have to read it.
func TestDirectoryIsForEverybodyUnderAnyUmask(t *testing.T) {
	h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst})}
	before := syscall.Umask(0o077)
	defer syscall.Umask(before)
	_, err := Add(t.Context(), h, Options{})
	require.NoError(t, err)
	info, err := os.Stat(filepath.Join(h.Root, filepath.Dir(sshd.DropIn)))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o755), info.Mode().Perm())
}

func TestPidFileOfSomethingElseIsNotSignalled(t *testing.T) {
	privateMachine(t)
	sshdtest.PutFiles(t, "/etc/ssh", map[string]string{"sshd_config": "UsePAM yes\n"})
	for _, content := range []string{strconv.Itoa(os.Getpid()) + "\n", "1\n", "-1\n", "0", "x", ""} {
		require.NoError(t, os.WriteFile("/run/sshd.pid", []byte(content), 0o644))
		result, err := Add(t.Context(), sshd.Host{}, Options{Replace: true, Flags: []string{"--deny-user", "u" + content[:min(1, len(content))]}})
		require.NoError(t, err)
		require.Empty(t, result.Reloaded)
	}
}

// Inside a chroot the package configures what it sees and leaves the sshd that
// runs outside alone, even if its PidFile can be seen.
func TestInsideChroot(t *testing.T) {
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
			require.NoError(t, err, "systemd may need the directory at this moment")
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
	// loaded has the files of each unit, as systemctl show prints them.
	loaded map[string]string
}

// systemd knows of files that no directory of units has, and of an order that
// their names do not show.
func TestWhatSystemdLoadedCounts(t *testing.T) {
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
