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

// writeFile replaces a file atomically: a reader sees the old or the new contents, even
// after a power failure. A replaced file keeps its owner, mode and extended attributes,
// including the SELinux label. mode is the mode of a new file.
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

// fill gives a new file the contents and attributes for name.
func fill(f *os.File, name string, data []byte, mode fs.FileMode) error {
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := copyMetadata(f, name); err != nil {
		return fmt.Errorf("keeping owner, mode and label of %q: %w", name, err)
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// copyMetadata copies owner, mode and extended attributes from the file at name, if it
// exists.
func copyMetadata(f *os.File, name string) error {
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

// copyAttributes copies extended attributes. An attribute that the new file already has,
// usually its label, is not set again, because that may need a privilege that containers
// lack.
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

// attributes lists the extended attributes of a file. A file system without extended
// attributes has none.
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

// sized calls a system call that returns the needed size if it is given no buffer.
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
