package confine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/landlock-lsm/go-landlock/landlock"
	llsyscall "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// Confine sets no_new_privs (prctl(2)), forbids core dumps and ptrace by
// making the process undumpable, and with Landlock (landlock(7)) forbids
// opening any file, connecting to any TCP port and signaling any process
// outside of needs, as far as the system can: a kernel without Landlock, or a
// system that refuses it to this process, is no error. It covers every thread, and every process started later; those started
// before are left as they are.
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

// refused reports whether the system has no Landlock for this process although the kernel
// says that it has: a seccomp filter, as containers have, may refuse any one call.
// go-landlock words a missing system call anew.
func refused(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.E2BIG) ||
		strings.Contains(err.Error(), "landlock is not supported by kernel")
}

// Undumpable forbids core dumps, ptrace(2), and the use of /proc/PID/fd, by which another
// process of the same user could write to this one's standard output.
func Undumpable() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbidding core dumps: %w", err)
	}
	return nil
}

// reachable returns those of the paths that can be opened. Landlock takes any other for
// a failure, and one directory that only root may search must not cost all logins.
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

// giveUpPrivileges sets no_new_privs for every thread. Landlock had to set it already
// where there is Landlock, and interrupting every thread once more takes time.
func giveUpPrivileges() error {
	set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err == nil && set != 1 {
		err = llsyscall.AllThreadsPrctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	if err != nil {
		return fmt.Errorf("giving up new privileges: %w", err)
	}
	return nil
}
