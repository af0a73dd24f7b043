package enable

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// writeFile puts data at a path in one step: a reader sees the old content or
// the new, also after a power cut. A file that is replaced keeps its owner, its
// mode and its extended attributes, the SELinux label among them; mode is for a
// new one.
func writeFile(name string, data []byte, mode fs.FileMode) error {
	temporary, err := os.CreateTemp(filepath.Dir(name), ".eic-*")
	if err != nil {
		return err
	}
	err = errors.Join(fill(temporary, name, data, mode), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return syncDirectory(filepath.Dir(name))
}

// fill makes a new file what is to stand at name.
func fill(f *os.File, name string, data []byte, mode fs.FileMode) error {
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := takeAfter(f, name); err != nil {
		return fmt.Errorf("keeping owner, mode and label of %q: %w", name, err)
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// takeAfter gives a new file owner, mode and extended attributes of the one at
// name, if there is one.
func takeAfter(f *os.File, name string) error {
	old, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	owner := old.Sys().(*syscall.Stat_t)
	if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
		return err
	}
	if err := f.Chmod(old.Mode()); err != nil {
		return err
	}
	return copyAttributes(f.Name(), name)
}

// copyAttributes copies extended attributes. One that the new file has already,
// as a rule its label, is not set again: that may need a privilege, and a
// container does not have it.
func copyAttributes(to, from string) error {
	names, err := attributes(from)
	if err != nil {
		return err
	}
	for _, name := range names {
		value, err := attribute(from, name)
		if err != nil {
			return err
		}
		if present, err := attribute(to, name); err == nil && bytes.Equal(present, value) {
			continue
		}
		if err := unix.Setxattr(to, name, value, 0); err != nil {
			return fmt.Errorf("setting %s: %w", name, err)
		}
	}
	return nil
}

// attributes lists the extended attributes of a file; a file system without
// any has none.
func attributes(name string) ([]string, error) {
	list, err := sized(func(buffer []byte) (int, error) { return unix.Listxattr(name, buffer) })
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(string(list), func(r rune) bool { return r == 0 }), nil
}

func attribute(name, attr string) ([]byte, error) {
	return sized(func(buffer []byte) (int, error) { return unix.Getxattr(name, attr, buffer) })
}

// sized calls a system call that says how much room it needs when it gets none.
func sized(call func([]byte) (int, error)) ([]byte, error) {
	size, err := call(nil)
	if err != nil {
		return nil, err
	}
	buffer := make([]byte, size)
	if size == 0 {
		return buffer, nil
	}
	size, err = call(buffer)
	if err != nil {
		return nil, err
	}
	return buffer[:size], nil
}

func syncDirectory(name string) error {
	directory, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
