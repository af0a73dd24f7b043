package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"eic/internal/sshd"
	"eic/internal/trustedfile"
)

// checkPath applies sshd's rule for commands to the file of the command and to every
// directory above it. It also checks that the command's user can reach the file.
func checkPath(_ context.Context, e *exam) Finding {
	program := sshd.Program
	if e.command.ours {
		program = e.command.program
	}
	_, err := trustedfile.Program(e.Root, program, e.passable)
	fault := new(trustedfile.Error)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return broken("reinstall the package eic", "%s is missing, or is a dangling link", program)
	case errors.As(err, &fault) && fault.Remedy == "":
		return broken("reinstall the package eic", "%s %s, and sshd then does not run it", fault.Path, fault.Fault)
	case errors.As(err, &fault) && e.isShared(fault.Path):
		return broken(fmt.Sprintf("install -D -m 755 %s /usr/local/sbin/eic, and write AuthorizedKeysCommand /usr/local/sbin/eic authorized-keys %%u %%f", program),
			"%s %s, as intended there, so sshd runs nothing below it; sshd would run a copy in a directory that only root can write to", fault.Path, fault.Fault)
	case errors.As(err, &fault):
		return broken(fault.Remedy, "%s %s, so sshd runs neither it nor anything below it", fault.Path, fault.Fault)
	case err != nil:
		return notChecked("run eic doctor as root", "%v", err)
	}
	if file, err := trustedfile.Resolve(e.Root, program); err == nil && file != program {
		return ok("%s, a link to %s: root owns it and every directory up to /, and nobody else can write to them", program, file)
	}
	return ok("%s: root owns it and every directory up to /, and nobody else can write to them", program)
}

// isShared reports whether a directory of root's is meant to be writable by others, such
// as /nix/store, so that changing its mode would break something else.
func (e *exam) isShared(name string) bool {
	info, err := fs.Stat(e.Root, trustedfile.InFS(name))
	return err == nil && info.IsDir() && info.Mode()&fs.ModeSticky != 0
}

// passable returns an error if the command's user may not run a file or search a
// directory.
func (e *exam) passable(name string, info fs.FileInfo) error {
	stat, known := info.Sys().(*syscall.Stat_t)
	if !known || e.account.hasAccess(info.Mode(), stat) {
		return nil
	}
	return &trustedfile.Error{Path: name, Fault: "is closed to the command's user (" + info.Mode().String() + ")", Remedy: "chmod a+x " + name}
}
