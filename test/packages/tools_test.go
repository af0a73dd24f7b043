//go:build packages

package packages

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"eic/test/host"
	"eic/test/roots"
)

// workshop is a root with tools, and with the project's files read-only in /src.
type workshop struct {
	t    *testing.T
	root string
}

// open opens a workshop in a copy of a root.
func open(t *testing.T, name string) workshop {
	t.Helper()
	w := workshop{t, roots.Copy(t, name)}
	w.bind("/proc", "/proc")
	w.bind("/dev", "/dev")
	source, err := filepath.Abs(module)
	require.NoError(t, err)
	w.bind(source, "/src")
	w.bind(host.Prepared(), "/made")
	return w
}

// bind mounts a directory of this machine into the workshop.
func (w workshop) bind(directory, at string) {
	w.t.Helper()
	target := filepath.Join(w.root, at)
	require.NoError(w.t, os.MkdirAll(target, 0o755))
	require.NoError(w.t, unix.Mount(directory, target, "", unix.MS_BIND|unix.MS_REC, ""))
	w.t.Cleanup(func() { require.NoError(w.t, unix.Unmount(target, unix.MNT_DETACH)) })
	if at == "/src" || at == "/made" {
		require.NoError(w.t, unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	}
}

// nobody is the user id for programs that could do harm as root: rpmlint unpacks packages to
// the paths that are in them.
const nobody = 65534

// command returns a command that runs a shell script in the workshop as nobody, in a
// directory that nobody owns.
func (w workshop) command(script string) *exec.Cmd {
	w.t.Helper()
	home := filepath.Join(w.root, "/var/nobody")
	require.NoError(w.t, os.MkdirAll(home, 0o755))
	require.NoError(w.t, os.Chown(home, nobody, nobody))
	return &exec.Cmd{
		Path: "/bin/sh",
		Args: []string{"sh", "-euc", script},
		Dir:  "/var/nobody",
		Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/var/nobody", "LC_ALL=C.UTF-8",
			"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=example", "AWS_DEFAULT_REGION=us-east-1", "AWS_MAX_ATTEMPTS=1"},
		SysProcAttr: &syscall.SysProcAttr{Chroot: w.root, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}},
	}
}

// run runs a script as nobody and returns its result.
func (w workshop) run(script string) host.Result {
	w.t.Helper()
	result, err := host.Capture(w.t.Context(), w.command(script))
	require.NoError(w.t, err)
	w.t.Logf("%s: exit status %d\n%s%s", strings.TrimSpace(script), result.Status, result.Stdout, result.Stderr)
	return result
}

// must runs a script as nobody, requires that it succeeds, and returns what it printed.
func (w workshop) must(script string) string {
	w.t.Helper()
	result := w.run(script)
	require.Zero(w.t, result.Status)
	return result.Stdout + result.Stderr
}

// asRoot runs a script as root, requires that it succeeds, and returns what it printed.
func (w workshop) asRoot(script string) string {
	w.t.Helper()
	cmd := w.command(script)
	cmd.SysProcAttr.Credential = nil
	result, err := host.Capture(w.t.Context(), cmd)
	require.NoError(w.t, err)
	w.t.Logf("%s: exit status %d\n%s%s", strings.TrimSpace(script), result.Status, result.Stdout, result.Stderr)
	require.Zero(w.t, result.Status)
	return result.Stdout + result.Stderr
}
