// Package trustedfile decides which files are trusted, and reads files so that no file
// can make the program hang or exhaust its memory.
//
// A file is trusted if only trusted users can have written it. There are two rules. Read
// has this program's rule, for settings and trust anchors: the file, every directory
// above it, and every link on the way must be trusted. Program has sshd's rule, for
// commands: links are followed first, and then the file and every directory above it must
// belong to root.
//
// Both walk from the root directory down. Only root, or the user whom the caller trusts,
// can change a path that was found trusted. So nobody else can swap a file between the
// check and the use.
package trustedfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Error says which file, directory or link is not trusted, and why.
type Error struct {
	// Path is the absolute path of the untrusted file, directory or link.
	Path string
	// Fault completes a sentence that begins with Path.
	Fault string
	// Remedy is a command that corrects the fault, or empty.
	Remedy string
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%q %s", e.Path, e.Fault)
	if e.Remedy != "" {
		text += "; run: " + e.Remedy
	}
	return text
}

// Read returns the contents of a file of at most limit bytes that only root, or root and
// the user uid, can have written. With uid 0 that is root only.
//
// The file must be regular, and owned by root or uid; nobody else may have write
// permission. The same applies to every directory from the root directory down, except
// that root's sticky directories, such as /tmp, are accepted. A link on the way must also
// be owned by root or uid. Opening never blocks, and reading ends with ctx.
//
// The error is an *Error if the file is not trusted. It wraps fs.ErrNotExist if the file
// does not exist; a dangling link is untrusted instead. It wraps context.Cause(ctx) if
// ctx ended first.
func Read(ctx context.Context, name string, uid int, limit int64) ([]byte, error) {
	type result struct {
		content []byte
		err     error
	}
	done := make(chan result, 1)
	go func() { // a file system that hangs must not block the caller
		content, err := read(name, uid, limit)
		done <- result{content, err}
	}()
	select {
	case r := <-done:
		return r.content, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("reading %q: %w", name, context.Cause(ctx))
	}
}

func read(given string, uid int, limit int64) ([]byte, error) {
	name, err := filepath.Abs(given)
	if err != nil {
		return nil, err
	}
	name, err = checkFile(os.DirFS("/"), name, uid)
	if at := new(fs.PathError); errors.As(err, &at) {
		return nil, &fs.PathError{Op: "open", Path: given, Err: at.Err}
	}
	if err != nil {
		return nil, err
	}
	// Without O_NONBLOCK, opening a FIFO that has no writer would block.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkRegular(name, info, uid); err != nil {
		return nil, err
	}
	return ReadOpen(f, name, limit)
}

// ReadUntrusted returns the contents of a regular file of at most limit bytes, whoever
// wrote it. It is for evidence, which is verified by its contents. Opening never blocks.
func ReadUntrusted(name string, limit int64) ([]byte, error) {
	// Without O_NONBLOCK, opening a FIFO that has no writer would block.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	return ReadOpen(f, name, limit)
}

// ReadOpen returns the contents of an open regular file of at most limit bytes. Errors
// call the file name.
func ReadOpen(f fs.File, name string, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular(name, info)
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading %q: %w", name, err)
	case int64(len(content)) > limit:
		return nil, &Error{Path: name, Fault: fmt.Sprintf("is too long, expected at most %d bytes", limit)}
	}
	return content, nil
}

// checkFile applies the rule of Read to a file. It returns the path that links lead to.
func checkFile(root fs.FS, name string, uid int) (string, error) {
	var last fs.FileInfo
	link := ""
	file, err := walk(root, name, func(name string, info fs.FileInfo) error {
		last = info
		switch info.Mode().Type() {
		case fs.ModeDir:
			return checkDirectory(name, info, uid)
		case fs.ModeSymlink:
			link = name
			return checkOwner(name, info, uid)
		}
		return nil // the file itself
	})
	switch {
	case link != "" && errors.Is(err, fs.ErrNotExist):
		return "", &Error{Path: link, Fault: "is a dangling link"}
	case err != nil:
		return "", err
	}
	return file, checkRegular(file, last, uid)
}

// CheckDirectory applies the rule of Read to a directory and everything on the way to it.
func CheckDirectory(name string, uid int) error {
	name, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	_, err = walk(os.DirFS("/"), name, func(name string, info fs.FileInfo) error {
		if info.Mode().Type() == fs.ModeSymlink {
			return checkOwner(name, info, uid)
		}
		return checkDirectory(name, info, uid)
	})
	return err
}

// Program applies sshd's rule for an AuthorizedKeysCommand (sshd_config(5)) to a program.
// Links are followed first. The file must then be regular. The file and every directory
// from there up to the root directory must be owned by root, and nobody else may have
// write permission.
//
// Program returns the path to run: name itself, or the path that its links lead to if
// somebody other than root could change one of the links. If also is not nil, it is
// called for the file and each directory, as a further check.
//
// The error is an *Error if the program is not trusted, or the error that also returned.
func Program(root fs.FS, name string, also func(path string, info fs.FileInfo) error) (string, error) {
	file, err := Resolve(root, name)
	if err != nil {
		return "", err
	}
	for part := file; ; part = filepath.Dir(part) {
		info, err := fs.Stat(root, InFS(part))
		if err != nil {
			return "", err
		}
		if err := checkProgramPart(part, info, part == file); err != nil {
			return "", err
		}
		if also != nil {
			if err := also(part, info); err != nil {
				return "", err
			}
		}
		if part == "/" {
			break
		}
	}
	if _, err := checkFile(root, name, 0); err == nil {
		return name, nil
	}
	return file, nil
}

func checkProgramPart(name string, info fs.FileInfo, isFile bool) error {
	if isFile && !info.Mode().IsRegular() {
		return errNotRegular(name, info)
	}
	if err := checkOwner(name, info, 0); err != nil {
		return err
	}
	return checkMode(name, info)
}

func checkRegular(name string, info fs.FileInfo, uid int) error {
	if !info.Mode().IsRegular() {
		return errNotRegular(name, info)
	}
	if err := checkOwner(name, info, uid); err != nil {
		return err
	}
	return checkMode(name, info)
}

func checkDirectory(name string, info fs.FileInfo, uid int) error {
	if !info.IsDir() {
		return &Error{Path: name, Fault: fmt.Sprintf("is not a directory (%s)", info.Mode())}
	}
	if err := checkOwner(name, info, uid); err != nil {
		return err
	}
	if id, _ := owner(info); id == 0 && info.Mode()&fs.ModeSticky != 0 {
		return nil // in a sticky directory, nobody can replace another user's file
	}
	return checkMode(name, info)
}

func errNotRegular(name string, info fs.FileInfo) error {
	return &Error{Path: name, Fault: fmt.Sprintf("is not a regular file (%s)", info.Mode())}
}

func checkOwner(name string, info fs.FileInfo, uid int) error {
	id, known := owner(info)
	switch {
	case !known:
		return fmt.Errorf("the owner of %s is unknown", name)
	case id == 0 || int64(id) == int64(uid):
		return nil
	case uid != 0:
		return &Error{name, fmt.Sprintf("is owned by uid %d, expected root or uid %d", id, uid), "chown root " + name}
	default:
		return &Error{name, fmt.Sprintf("is owned by uid %d, expected root", id), "chown root " + name}
	}
}

func checkMode(name string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o022 == 0 {
		return nil
	}
	return &Error{name, fmt.Sprintf("may be written to by its group or by others (mode %04o)", info.Mode().Perm()), "chmod go-w " + name}
}

func owner(info fs.FileInfo) (uid uint32, known bool) {
	stat, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return stat.Uid, true
}
