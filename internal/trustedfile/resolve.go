package trustedfile

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"syscall"
)

// maxLinks is how many symbolic links Linux follows in one path (path_resolution(7)).
const maxLinks = 40

// Resolve follows every symbolic link of an absolute path below root, as realpath(3)
// does. root must implement fs.ReadLinkFS.
func Resolve(root fs.FS, name string) (string, error) {
	where, err := walk(root, name, func(string, fs.FileInfo) error { return nil })
	if err != nil {
		return "", err
	}
	return where, nil
}

// ResolveMissing is Resolve for a path that need not exist. It leaves the missing
// elements of the path unchanged. A path with a loop of links becomes a path that cannot
// exist.
func ResolveMissing(root fs.FS, name string) string {
	where, err := walk(root, name, func(string, fs.FileInfo) error { return nil })
	if errors.Is(err, syscall.ELOOP) {
		return where + "\x00"
	}
	return where
}

// walk follows an absolute path from the root directory down, and returns where the path
// leads. On an error it returns how far it came, followed by the remaining elements. It
// calls visit for each directory, link and file on the way, the last one included. An
// error from visit ends the walk.
func walk(root fs.FS, name string, visit func(name string, info fs.FileInfo) error) (string, error) {
	done, pending := "/", strings.Split(name, "/")
	for links := 0; len(pending) > 0; {
		next := path.Join(done, pending[0])
		left := path.Join(next, path.Join(pending[1:]...))
		pending = pending[1:]
		info, err := fs.Lstat(root, InFS(next))
		if at := new(fs.PathError); errors.As(err, &at) {
			return left, &fs.PathError{Op: at.Op, Path: next, Err: at.Err}
		}
		if err != nil {
			return left, err
		}
		if err := visit(next, info); err != nil {
			return left, err
		}
		if info.Mode().Type() != fs.ModeSymlink {
			done = next
			continue
		}
		if links++; links > maxLinks {
			return left, &fs.PathError{Op: "resolve", Path: name, Err: syscall.ELOOP}
		}
		target, err := fs.ReadLink(root, InFS(next))
		if err != nil {
			return left, err
		}
		pending = append(strings.Split(target, "/"), pending...)
		if path.IsAbs(target) {
			done = "/"
		}
	}
	return done, nil
}

// InFS returns the name of an absolute path in an fs.FS.
func InFS(name string) string {
	if name = strings.TrimPrefix(path.Clean(name), "/"); name != "" {
		return name
	}
	return "."
}
