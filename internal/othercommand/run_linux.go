package othercommand

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// checkPlatform returns nil, because Linux has what this package needs.
func checkPlatform() error { return nil }

// ownGroup starts a process in a new process group. The kernel kills the process when the
// thread that started it ends.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit waits for the process to exit, but leaves it as a zombie, so that its group
// id cannot be reused yet.
func awaitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// signalOf returns the signal that a process died of.
func signalOf(state *os.ProcessState) syscall.Signal {
	return state.Sys().(syscall.WaitStatus).Signal()
}
