package hostile

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"eic/internal/sim"
	"eic/internal/sim/imds"
	"eic/test/host"
	"eic/test/trial"
)

// within returns a command that runs the program through another one, which restricts it.
func within(user string, through ...string) *exec.Cmd {
	argv := append(append(through, host.Binary), arguments(user)...)
	return exec.Command(argv[0], argv[1:]...)
}

func TestRestrictedProcessStillPrintsTheKey(t *testing.T) {
	h, key := pushed(t, host.Options{})
	for name, through := range map[string][]string{
		"a user without any privilege": {host.Setpriv, "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--no-new-privs",
			"--inh-caps=-all", "--bounding-set=-all", "--"},
		"16 file descriptors":         {"/usr/bin/prlimit", "--nofile=16:16", "--"},
		"no core dumps, and no files": {"/usr/bin/prlimit", "--core=0:0", "--fsize=0:0", "--"},
		"a megabyte of stack":         {"/usr/bin/prlimit", "--stack=1048576:1048576", "--"},
		"one processor":               {"/usr/bin/taskset", "1"},
		"the least priority":          {"/usr/bin/nice", "-n", "19"},
		"no standard input":           {"/bin/sh", "-c", `exec "$0" "$@" <&-`},
		"no standard error":           {"/bin/sh", "-c", `exec "$0" "$@" 2>&-`},
		"a full standard error":       {"/bin/sh", "-c", `exec "$0" "$@" 2>/dev/full`},
		"signals that are ignored":    {"/bin/sh", "-c", `trap '' HUP INT TERM CHLD USR1 URG; exec "$0" "$@"`},
		"an endless standard input":   {"/bin/sh", "-c", `exec "$0" "$@" </dev/zero`},
	} {
		t.Run(name, func(t *testing.T) {
			requireTheKey(t, h, within(user, through...), key, []string{})
			requireNoKey(t, within("bob", through...), []string{})
		})
	}
}

// An empty root has no /proc, /dev, /tmp or /etc, no system log, and no writable file.
func TestEmptyReadOnlyRootStillPrintsTheKey(t *testing.T) {
	h, key := pushed(t, host.Options{})
	root := t.TempDir()
	for _, name := range []string{host.Binary, host.TrustAnchors, "/sys/devices/virtual/dmi/id/board_asset_tag"} {
		text, err := os.ReadFile(h.Path(name))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), text, 0o755))
	}
	require.NoError(t, os.Chmod(root, 0o755))
	require.NoError(t, unix.Mount(root, root, "", unix.MS_BIND, ""))
	defer unix.Unmount(root, unix.MNT_DETACH) //nolint:errcheck // the mount namespace ends with the test
	require.NoError(t, unix.Mount("", root, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))

	for user, want := range map[string]string{user: key, "bob": ""} {
		cmd := exec.Command(host.Binary, arguments(user)...)
		cmd.Dir, cmd.Env = "/", []string{}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		result, err := trial.Run(cmd)
		require.NoError(t, err)
		require.Equal(t, trial.Result{Stdout: want, Usage: result.Usage}, result)
	}
	require.Empty(t, h.Log.Texts("eic"), "an empty root has no system log")
}

func TestUnusualStandardOutput(t *testing.T) {
	h, key := pushed(t, host.Options{})
	run := func(t *testing.T, cmd *exec.Cmd) trial.Result {
		t.Helper()
		h.Log.Forget()
		h.Sim.ResetStats()
		cmd.Env = []string{}
		result, err := trial.Run(cmd)
		require.NoError(t, err)
		require.Empty(t, result.Stderr)
		return result
	}
	t.Run("a reader that hung up is not an error", func(t *testing.T) {
		reader, writer, err := os.Pipe()
		require.NoError(t, err)
		require.NoError(t, reader.Close())
		cmd := within(user)
		cmd.Stdout = writer
		require.Zero(t, run(t, cmd).Status)
		require.NoError(t, writer.Close())
	})
	t.Run("a slow reader gets everything", func(t *testing.T) {
		cmd := within(user, "/bin/sh", "-c", `"$0" "$@" | (/bin/sleep 1; /bin/cat)`)
		require.Equal(t, key, run(t, cmd).Stdout)
	})
	t.Run("a full disk is an error that is logged", func(t *testing.T) {
		cmd := within(user, "/bin/sh", "-c", `exec "$0" "$@" >/dev/full`)
		require.Equal(t, 1, run(t, cmd).Status)
		require.Contains(t, h.Log.Texts("eic")[1], "no space left on device")
	})
	t.Run("output does not go into a socket if standard output is closed", func(t *testing.T) {
		result := run(t, within(user, "/bin/sh", "-c", `exec "$0" "$@" >&-`))
		require.Empty(t, result.Stdout)
		require.Equal(t, 1, requests(h, imds.StageToken), "the output went into a connection to the metadata service")
		require.Zero(t, requests(h, imds.StageOther))
	})
}

func TestSignalEndsARunAtOnce(t *testing.T) {
	for _, stage := range []string{"token", "active-keys", "staple"} {
		h, _ := pushed(t, host.Options{Sim: sim.Options{Faults: []string{stage + "=hang"}}})
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
			t.Run(stage+" "+signal.String(), func(t *testing.T) {
				h.Sim.ResetStats()
				cmd := within(user)
				cmd.Env = []string{}
				run, err := trial.Start(cmd)
				require.NoError(t, err)
				asked := func() bool { return requests(h, imds.Stage(stage)) > 0 }
				require.Eventually(t, asked, 5*time.Second, time.Millisecond, "the program sent no request at this stage")
				sent := time.Now()
				require.NoError(t, run.Signal(signal))
				result, err := run.Wait()
				require.NoError(t, err)
				require.Less(t, time.Since(sent), 500*time.Millisecond)
				require.Equal(t, 128+int(signal), result.Status)
				require.Empty(t, result.Stdout+result.Stderr)
			})
		}
		require.NoError(t, h.Close())
	}
}

// A system log that nobody reads must neither prevent nor delay a login.
func TestHangingSystemLogDelaysNoLogin(t *testing.T) {
	h, key := pushed(t, host.Options{Sim: sim.Options{Faults: []string{"keys=many"}}})
	for _, network := range []string{"unixgram", "unix"} {
		t.Run(network, func(t *testing.T) {
			log := h.Path("/dev/log")
			require.NoError(t, os.Remove(log))
			closeLog := hung(t, network, log)
			defer closeLog()
			cmd := within(user)
			cmd.Env = []string{}
			result, err := trial.Run(cmd)
			require.NoError(t, err)
			require.Contains(t, result.Stdout, key)
			require.Zero(t, result.Status)
			require.Less(t, result.Took, 4*time.Second) // without a limit the write would block forever
		})
	}
}

// hung listens on a socket and never reads from it.
func hung(t *testing.T, network, path string) (closeIt func()) {
	t.Helper()
	require.NoError(t, os.WriteFile("/proc/sys/net/unix/max_dgram_qlen", []byte("1"), 0))
	if network == "unixgram" {
		conn, err := net.ListenPacket(network, path)
		require.NoError(t, err)
		return func() { _ = conn.Close() }
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	require.NoError(t, unix.Listen(fd, 0)) // the queue takes one connection, and the next one blocks
	waiting, err := net.Dial(network, path)
	require.NoError(t, err)
	return func() { _ = waiting.Close(); _ = unix.Close(fd) }
}
