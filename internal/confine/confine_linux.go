package confine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/landlock-lsm/go-landlock/landlock"
	llsyscall "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// Confine gives up everything but needs, for every thread and for every process started
// later. Processes started earlier are not affected.
//
//   - It sets no_new_privs (prctl(2)).
//   - It makes the process undumpable, which prevents core dumps and ptrace(2).
//   - With Landlock (landlock(7)) it forbids opening files, connecting to TCP ports and
//     signaling processes outside of needs. A kernel without Landlock, or a system that
//     denies Landlock to this process, is not an error.
func Confine(needs Needs) error {
	if err := Undumpable(); err != nil {
		return err
	}
	rules := landlock.V11
	if needs.Signals {
		rules.Scoped &^= llsyscall.ScopeSignal
	}
	err := rules.BestEffort().Restrict(
		landlock.RODirs(reachable(needs.ReadBelow, unix.O_DIRECTORY)...),
		landlock.ROFiles(reachable(needs.Read, 0)...),
		landlock.RWDirs(needs.WriteBelow...),
		landlock.ConnectTCP(needs.Port),
	)
	if err != nil && !refused(err) {
		return fmt.Errorf("confining the process with Landlock: %w", err)
	}
	return giveUpPrivileges()
}

// refused reports whether the system denies Landlock to this process although the kernel
// has it. A seccomp filter, as in containers, may deny any one of its calls. go-landlock
// replaces the error of a missing system call with its own text.
func refused(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.E2BIG) ||
		strings.Contains(err.Error(), "landlock is not supported by kernel")
}

// Undumpable prevents core dumps, ptrace(2), and access to /proc/PID/fd. Through
// /proc/PID/fd, another process of the same user could write to this one's standard
// output.
func Undumpable() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbidding core dumps: %w", err)
	}
	return nil
}

// reachable returns the paths that can be opened. Landlock fails for any other path, and
// a single directory that only root may search must not fail all logins.
func reachable(paths []string, flags int) []string {
	var found []string
	for _, path := range paths {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC|flags, 0)
		if err == nil {
			_ = unix.Close(fd) // nothing was read
			found = append(found, path)
		}
	}
	return found
}

// giveUpPrivileges sets no_new_privs for every thread. Landlock already requires it, and
// setting it again would interrupt every thread once more.
func giveUpPrivileges() error {
	set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err == nil && set != 1 {
		err = llsyscall.AllThreadsPrctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	if err != nil {
		return fmt.Errorf("setting no_new_privs: %w", err)
	}
	return nil
}
