package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"eic/internal/sshd"
)

// maxLinks is how many symbolic links Linux follows in one path
// (path_resolution(7)).
const maxLinks = 40

// resolve follows every symbolic link of an absolute path, as realpath(3) does.
func resolve(root fs.FS, name string) (string, error) {
	done, pending := "/", strings.Split(name, "/")
	for links := 0; len(pending) > 0; {
		next := path.Join(done, pending[0])
		pending = pending[1:]
		info, err := fs.Lstat(root, inFS(next))
		if err != nil {
			return "", err
		}
		if info.Mode().Type() != fs.ModeSymlink {
			done = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: more than %d symbolic links", name, maxLinks)
		}
		target, err := fs.ReadLink(root, inFS(next))
		if err != nil {
			return "", err
		}
		pending = append(strings.Split(target, "/"), pending...)
		if path.IsAbs(target) {
			done = "/"
		}
	}
	return done, nil
}

// inFS is the name in an fs.FS of an absolute path.
func inFS(name string) string {
	if name = strings.TrimPrefix(path.Clean(name), "/"); name != "" {
		return name
	}
	return "."
}

// checkPath holds the command's file, and every folder from there up to the
// root, against what sshd demands before it runs it: owned by root, writable
// by nobody else (sshd_config(5), AuthorizedKeysCommand).
func checkPath(_ context.Context, e *exam) Finding {
	program := sshd.Program
	if e.command.ours {
		program = e.command.program
	}
	file, err := resolve(e.Root, program)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return broken("install the package eic again", "%s is not there, or a link to it leads nowhere", program)
	case err != nil:
		return notChecked("run eic doctor as root", "%v", err)
	}
	for name := file; ; name = path.Dir(name) {
		info, err := fs.Stat(e.Root, inFS(name))
		if err != nil {
			return notChecked("run eic doctor as root", "%v", err)
		}
		if finding, bad := e.judgeMode(name, info, name == file); bad {
			return finding
		}
		if name == "/" {
			break
		}
	}
	if file != program {
		return ok("%s, a link to %s: all root's up to /, and nobody else may write", program, file)
	}
	return ok("%s: all root's up to /, and nobody else may write", file)
}

// judgeMode judges one file or folder of the path.
func (e *exam) judgeMode(name string, info fs.FileInfo, isFile bool) (Finding, bool) {
	mode := info.Mode()
	stat, known := info.Sys().(*syscall.Stat_t)
	switch {
	case isFile && !mode.IsRegular():
		return broken("install the package eic again", "%s is no regular file (%s)", name, mode), true
	case !known:
		return notChecked("look at it with namei -l", "the owner of %s is not known", name), true
	case stat.Uid != 0:
		return broken("chown root "+name, "%s is owned by uid %d, and sshd runs only what is root's all the way up", name, stat.Uid), true
	case mode.Perm()&0o022 != 0:
		return broken("chmod go-w "+name, "%s may be written to by its group or by others (%s), and sshd then runs nothing below it", name, mode), true
	case !e.account.mayPass(mode, stat):
		return broken("chmod a+x "+name, "%s is closed to the command's user (%s)", name, mode), true
	}
	return Finding{}, false
}
