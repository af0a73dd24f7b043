// Package selinux finds out from a machine's files what SELinux does there, and whether
// the policy has the module of the package eic-selinux. It runs no program.
package selinux

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// Names in the policy module of eic.
const (
	Module  = "eic"
	Domain  = "eic_t"
	Program = "eic_exec_t"
)

// Mode is what SELinux does on a machine.
type Mode int

// The modes.
const (
	Absent Mode = iota
	Permissive
	Enforcing
)

// Running asks the kernel (selinuxfs) of the machine whose file tree root is.
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

// Configured reads selinux_config(5): what the kernel of an image will do, which is not
// the one that the image is made on.
func Configured(root fs.FS) Mode {
	return map[string]Mode{"enforcing": Enforcing, "permissive": Permissive}[setting(root, "SELINUX")]
}

// setting is a value of /etc/selinux/config in lower case.
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

// HasModule reports whether the installed policy has our module. The module store is
// semodule(8)'s: of today, and of RHEL 7 and Amazon Linux 2. The error is not nil if that
// store could not be read, as by another user than root.
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
