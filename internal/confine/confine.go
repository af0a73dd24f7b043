// Package confine lets a process give up, for good, what the rest of its run
// does not need.
//
// The program parses what an attacker on the host may have written. Should a
// flaw ever hand such an attacker control, there must be little left to
// control: no file to open, no place to connect to but the metadata service,
// no privilege to gain, no memory image to leave behind. It is a second line:
// nothing else in the program relies on it.
package confine

import (
	"fmt"

	"github.com/landlock-lsm/go-landlock/landlock"
	llsyscall "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// Needs is what the rest of the run may still do.
type Needs struct {
	// ReadBelow are folders in which files and folders may still be read, and
	// Read files that may; of a link, what it leads to. What cannot be reached
	// now is passed over, as it could not be read later either.
	ReadBelow, Read []string
	// WriteBelow are folders in which files may still be made, written and
	// read.
	WriteBelow []string
	// Port is the only TCP port that may be connected to.
	Port uint16
	// Signals lets this process signal others of its user's, which it needs
	// to end one that it started before.
	Signals bool
}

// Confine sets no_new_privs (prctl(2)), forbids core dumps and ptrace by
// making the process undumpable, and with Landlock (landlock(7)) forbids
// opening any file, connecting to any TCP port and signalling any process
// outside of needs, as far as the kernel can: a kernel without Landlock is no
// error. It covers every thread, and every process started later; those started
// before are left as they are.
func Confine(needs Needs) error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbidding core dumps: %w", err)
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
	if err != nil {
		return fmt.Errorf("confining the process with Landlock: %w", err)
	}
	return giveUpPrivileges()
}

// reachable returns those of the paths that can be opened. Landlock takes any other for
// a failure, and one folder that only root may search must not cost all logins.
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
