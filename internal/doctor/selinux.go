package doctor

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"eic/internal/selinux"
	"eic/internal/sshd"
	"eic/internal/trustedfile"
)

// seMode returns the mode of SELinux on this machine, or the configured mode of an image.
func (e *exam) seMode() selinux.Mode {
	if e.Offline {
		return selinux.Configured(e.Root)
	}
	return selinux.Running(e.Root)
}

func checkSELinux(_ context.Context, e *exam) Finding {
	mode := e.seMode()
	if mode == selinux.Absent {
		return notChecked("nothing, if SELinux is not wanted", "SELinux is not in use")
	}
	loaded, err := selinux.HasModule(e.Root)
	switch {
	case err != nil:
		return notChecked("run eic doctor as root", "%v", err)
	case !loaded && mode == selinux.Permissive:
		return ok("SELinux is permissive and stops nothing")
	case !loaded:
		return warning("install the package eic-selinux",
			"SELinux is enforcing and the policy has no module %q, so the command runs in sshd's own domain, which may not open connections", selinux.Module)
	}
	return e.checkLabel()
}

// FileLabel returns the SELinux label of a file, "user:role:type:level".
func FileLabel(name string) (string, error) {
	buffer := make([]byte, 1024)
	n, err := unix.Getxattr(name, "security.selinux", buffer)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(buffer[:n]), "\x00"), nil
}

// checkLabel checks whether sshd will start the program in its own domain.
func (e *exam) checkLabel() Finding {
	file, err := trustedfile.Resolve(e.Root, sshd.Program)
	if err != nil {
		file = sshd.Program
	}
	label, err := e.Label(file)
	fields := strings.Split(label, ":") // user, role, type, level
	switch {
	case err != nil:
		return notChecked("ls -Z "+file, "reading the label of %s: %v", file, err)
	case len(fields) < 3 || fields[2] != selinux.Program:
		return warning(fmt.Sprintf("restorecon -v %s", file), "the policy has the module %q, but the label of %s is %.80q, expected type %s", selinux.Module, file, label, selinux.Program)
	}
	return ok("the policy has the module %q, and %s is of type %s", selinux.Module, file, selinux.Program)
}
