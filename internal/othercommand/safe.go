package othercommand

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// checkSafe returns nil if nobody but root can have put the program where it
// is: the file and every folder above it belong to root and nobody else may
// write to them, links followed first. sshd demands that of the command it
// runs, and would no longer see it of this one.
func checkSafe(program string) error {
	path, err := filepath.EvalSymlinks(program)
	if err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%q is not a regular file", path)
	}
	for {
		if err := checkRoots(path, info); err != nil {
			return err
		}
		if path == "/" {
			return nil
		}
		path = filepath.Dir(path)
		if info, err = os.Lstat(path); err != nil {
			return err
		}
	}
}

func checkRoots(path string, info os.FileInfo) error {
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok || owner.Uid != 0:
		return fmt.Errorf("%q does not belong to root, as sshd would demand", path)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%q has mode %04o, so others than root may write to it; sshd would demand that they may not", path, info.Mode().Perm())
	}
	return nil
}
