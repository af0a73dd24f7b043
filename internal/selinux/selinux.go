// Package selinux reads from a machine's files whether SELinux is enforcing there, and
// whether its policy has the module of the package eic-selinux. It runs no program.
package selinux

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// Types in eic's policy module.
const (
	Module  = "eic"
	Domain  = "eic_t"
	Program = "eic_exec_t"
)

// Mode is the mode of SELinux on a machine.
type Mode int

// The modes.
const (
	Absent Mode = iota
	Permissive
	Enforcing
)

// Running returns the mode that the running kernel reports (selinuxfs) on the machine
// whose file tree root is.
func Running(root fs.FS) Mode {
	text, err := fs.ReadFile(root, "sys/fs/selinux/enforce")
	switch {
	case err != nil:
		return Absent
	case strings.TrimSpace(string(text)) == "1":
		return Enforcing
	}
	return Permissive
}

// Configured returns the mode in selinux_config(5). It applies to an image, whose kernel
// is not the running one.
func Configured(root fs.FS) Mode {
	return map[string]Mode{"enforcing": Enforcing, "permissive": Permissive}[setting(root, "SELINUX")]
}

// setting returns a value of /etc/selinux/config in lower case.
func setting(root fs.FS, name string) string {
	text, err := fs.ReadFile(root, "etc/selinux/config")
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

// HasModule reports whether the installed policy has eic's module. It looks in both
// module stores of semodule(8): the current one, and that of RHEL 7 and Amazon Linux 2.
// It returns an error if the store cannot be read, for example without root.
func HasModule(root fs.FS) (bool, error) {
	kind := setting(root, "SELINUXTYPE")
	if kind == "" || strings.Contains(kind, "/") {
		kind = "targeted"
	}
	var unread error
	for _, store := range []string{"var/lib/selinux/" + kind, "etc/selinux/" + kind} {
		modules := path.Join(store, "active/modules")
		priorities, err := fs.ReadDir(root, modules)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			unread = err
		}
		for _, priority := range priorities {
			if _, err := fs.Stat(root, path.Join(modules, priority.Name(), Module)); err == nil {
				return true, nil
			}
		}
	}
	return false, unread
}
