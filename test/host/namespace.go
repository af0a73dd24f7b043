package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"

	"eic/test/host/mount"
)

// preparedVariable tells the process inside the namespaces that it is there, and
// where to find what was prepared for it.
const preparedVariable = "EIC_TEST_HOST_PREPARED"

// Run starts this program again, with the same arguments, in network, mount and
// process namespaces of its own, calls inside there, and returns what it returned.
// Everything in the namespaces ends with that process, however it ends: no
// process, mount or address outlives it.
//
// There is no network in there, so what needs one is done before by prepare, which
// leaves its results in a directory that Prepared names inside, and that is
// removed at the end. Its context ends when somebody interrupts.
//
// A program calls Run once, before it does anything that it would not do twice. Run
// needs root; without, it says so and returns 1.
func Run(prepare func(ctx context.Context, dir string) error, inside func() int) int {
	do := func() (int, error) { return outside(prepare) }
	if Prepared() != "" {
		do = func() (int, error) { return enter(inside) }
	}
	status, err := do()
	if err != nil {
		fmt.Fprintf(os.Stderr, "making a host for tests: %v\n", err)
		return 1
	}
	return status
}

// Prepared is the directory that was handed to Run's prepare, or "" outside of the
// namespaces.
func Prepared() string { return os.Getenv(preparedVariable) }

func outside(prepare func(context.Context, string) error) (int, error) {
	if runtime.GOOS != "linux" {
		return 0, fmt.Errorf("this needs Linux, for it makes network and mount namespaces; run it there, not on %s", runtime.GOOS)
	}
	if os.Geteuid() != 0 {
		return 0, errors.New("this needs root, for it makes network and mount namespaces and starts sshd; run it as root")
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	defer stop()
	dir, err := os.MkdirTemp("", "eic-test-host-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a directory of temporary files
	if err := prepare(ctx, dir); err != nil {
		return 0, err
	}
	if ctx.Err() != nil {
		return 0, errors.New("interrupted")
	}
	return again(dir, signals)
}

// again runs this program in new namespaces, and passes signals on to it.
func again(dir string, signals <-chan os.Signal) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), preparedVariable+"="+dir)
	cmd.SysProcAttr = ownNamespaces()
	runtime.LockOSThread() // the namespaces end with the thread that made them
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting a process in new namespaces: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = cmd.Process.Signal(s) // it may have ended this moment
		case err := <-ended:
			var exit *exec.ExitError
			if err == nil || errors.As(err, &exit) && exit.Exited() {
				return cmd.ProcessState.ExitCode(), nil
			}
			return 0, err
		}
	}
}

// enter makes the mount and process namespaces this process's own.
func enter(inside func() int) (int, error) {
	unix.Umask(0o022) // whatever it is outside: files of the host have the modes they are made with
	if err := mount.Mount("", "/", "", mount.Private, ""); err != nil {
		return 0, fmt.Errorf("making the mounts private: %w", err)
	}
	if err := mount.Mount("proc", "/proc", "proc", mount.NoSUID|mount.NoDev|mount.NoExec, ""); err != nil {
		return 0, err
	}
	return inside(), nil
}
