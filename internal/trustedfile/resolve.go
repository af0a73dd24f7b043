package trustedfile

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"syscall"
)

// maxLinks is how many symbolic links Linux follows in one path
// (path_resolution(7)).
const maxLinks = 40

// Resolve follows every symbolic link of an absolute path below root, as
// realpath(3) does. root must know links (fs.ReadLinkFS).
func Resolve(root fs.FS, name string) (string, error) {
	where, err := walk(root, name, func(string, fs.FileInfo) error { return nil })
	if err != nil {
		return "", err
	}
	return where, nil
}

// ResolveMissing is Resolve for a path that need not exist: what stands behind its last
// element that does is left as it is. A path whose links go round in circles becomes one
// that cannot exist.
func ResolveMissing(root fs.FS, name string) string {
	where, err := walk(root, name, func(string, fs.FileInfo) error { return nil })
	if errors.Is(err, syscall.ELOOP) {
		return where + "\x00"
	}
	return where
}

// walk follows an absolute path from the root directory down and returns where
// it leads, and with an error how far it came, with what is left behind that.
// visit sees everything on the way, links and the end of the way among them;
// its error ends the walk.
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

// InFS returns the name in an fs.FS of an absolute path.
func InFS(name string) string {
	if name = strings.TrimPrefix(path.Clean(name), "/"); name != "" {
		return name
	}
	return "."
}
