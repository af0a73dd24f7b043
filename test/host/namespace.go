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

// preparedVariable tells a process that it is inside the namespaces. Its value is the directory of
// prepare.
const preparedVariable = "EIC_TEST_HOST_PREPARED"

// Run starts this program again, with the same arguments, in new network, mount and PID
// namespaces. There it calls inside, and returns the result. However that process ends,
// everything in the namespaces ends with it: processes, mounts and addresses.
//
// The namespaces have no network. So prepare does beforehand what needs one, and leaves its
// results in a directory. Inside, Prepared returns that directory, which is removed at the end.
// The context of prepare ends on an interrupt.
//
// A program calls Run once, before it does anything that must not happen twice. Without root, Run
// prints an error and returns 1.
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

// Prepared returns the directory of Run's prepare, or "" outside of the namespaces.
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
			_ = cmd.Process.Signal(s) // the process may have ended just now
		case err := <-ended:
			var exit *exec.ExitError
			if err == nil || errors.As(err, &exit) && exit.Exited() {
				return cmd.ProcessState.ExitCode(), nil
			}
			return 0, err
		}
	}
}

// enter prepares the mount and PID namespaces from inside.
func enter(inside func() int) (int, error) {
	unix.Umask(0o022) // whatever the umask outside is, files of the host get exactly their modes
	if err := mount.Mount("", "/", "", mount.Private, ""); err != nil {
		return 0, fmt.Errorf("making the mounts private: %w", err)
	}
	if err := mount.Mount("proc", "/proc", "proc", mount.NoSUID|mount.NoDev|mount.NoExec, ""); err != nil {
		return 0, err
	}
	return inside(), nil
}
