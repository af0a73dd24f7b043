package host

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// ownNamespaces returns the attributes for a process with new network, mount and PID namespaces.
// The kernel kills the process when the thread that started it ends.
func ownNamespaces() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID,
		Pdeathsig:  unix.SIGKILL,
	}
}
