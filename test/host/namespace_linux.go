package host

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// ownNamespaces gives a process network, mount and process namespaces of its own. It is
// killed when the thread that started it ends.
func ownNamespaces() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID,
		Pdeathsig:  unix.SIGKILL,
	}
}
