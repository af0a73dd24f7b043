package othercommand

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// checkPlatform finds nothing wrong with Linux.
func checkPlatform() error { return nil }

// ownGroup gives a process a group of its own, and has it killed when the thread that
// started it ends.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit waits for the process to exit and leaves it a zombie, so that its
// group's id cannot become another's yet.
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
