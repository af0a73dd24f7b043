package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"eic/internal/sshd"
	"eic/internal/trustedfile"
)

// Names in the SELinux module of eic.
const (
	seModule  = "eic"
	seDomain  = "eic_t"
	seProgram = "eic_exec_t"
)

// seMode is what SELinux does on this machine.
type seMode int

const (
	seAbsent seMode = iota
	sePermissive
	seEnforcing
)

// seMode asks the kernel (selinuxfs), or for an image its configuration
// (selinux_config(5)): the kernel an image is made on is not the one it will
// run on.
func (e *exam) seMode() seMode {
	if e.Offline {
		return map[string]seMode{"enforcing": seEnforcing, "permissive": sePermissive}[e.seSetting("SELINUX")]
	}
	text, err := fs.ReadFile(e.Root, "sys/fs/selinux/enforce")
	switch {
	case err != nil:
		return seAbsent
	case strings.TrimSpace(string(text)) == "1":
		return seEnforcing
	}
	return sePermissive
}

// seSetting is a value of /etc/selinux/config in lower case.
func (e *exam) seSetting(name string) string {
	text, err := fs.ReadFile(e.Root, "etc/selinux/config")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), name+"="); found {
			return strings.ToLower(strings.TrimSpace(value))
		}
	}
	return ""
}

// moduleLoaded reports whether the policy that is installed has our module.
// The module store is semodule(8)'s: of today, and of RHEL 7 and Amazon Linux 2.
func (e *exam) moduleLoaded() (bool, error) {
	kind := e.seSetting("SELINUXTYPE")
	if kind == "" || strings.Contains(kind, "/") {
		kind = "targeted"
	}
	var unread error
	for _, store := range []string{"var/lib/selinux/" + kind, "etc/selinux/" + kind} {
		modules := path.Join(store, "active/modules")
		priorities, err := fs.ReadDir(e.Root, modules)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			unread = err
		}
		for _, priority := range priorities {
			if _, err := fs.Stat(e.Root, path.Join(modules, priority.Name(), seModule)); err == nil {
				return true, nil
			}
		}
	}
	return false, unread
}

func checkSELinux(_ context.Context, e *exam) Finding {
	mode := e.seMode()
	if mode == seAbsent {
		return notChecked("nothing, if SELinux is not wanted", "SELinux is not in use")
	}
	loaded, err := e.moduleLoaded()
	switch {
	case err != nil:
		return notChecked("run eic doctor as root", "%v", err)
	case !loaded && mode == sePermissive:
		return ok("SELinux is permissive and stops nothing")
	case !loaded:
		return warning("install the package eic-selinux",
			"SELinux is enforcing and the policy has no module %q, so the command runs in sshd's own domain, which may not open connections", seModule)
	}
	return e.judgeLabel()
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

// judgeLabel looks whether sshd will start the program in its domain.
func (e *exam) judgeLabel() Finding {
	file, err := trustedfile.Resolve(e.Root, sshd.Program)
	if err != nil {
		file = sshd.Program
	}
	label, err := e.Label(file)
	fields := strings.Split(label, ":") // user, role, type, level
	switch {
	case err != nil:
		return notChecked("ls -Z "+file, "reading the label of %s: %v", file, err)
	case len(fields) < 3 || fields[2] != seProgram:
		return warning(fmt.Sprintf("restorecon -v %s", file), "the policy has the module %q, but the label of %s is %.80q, expected type %s", seModule, file, label, seProgram)
	}
	return ok("the policy has the module %q, and %s is of type %s", seModule, file, seProgram)
}
