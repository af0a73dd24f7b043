// Package sshd determines what the OpenSSH server of a host will do: which
// AuthorizedKeysCommand runs for a login, and which line of which file sets it.
//
// The package combines three sources:
//
//   - sshd's own report (sshd -T), asked with the options of the sshd that runs, says
//     which settings apply to a login.
//   - The configuration files say where a setting comes from, and what would apply
//     without eic's lines.
//   - The listening process gives the options on sshd's command line. If no sshd listens,
//     the systemd units or the options files of init scripts give them.
//
// The package changes nothing permanently. It only creates a temporary host key and the
// privilege separation directory if sshd needs them to answer. Package doctor checks
// whether the command works, and its user, owners and modes; this package does not.
package sshd

import (
	"errors"
	"fmt"

	"eic/internal/account"
)

// eic's part of sshd's configuration.
const (
	// Program is the command that sshd runs.
	Program = "/usr/bin/eic"
	// CommandUser is the system user that sshd runs the command as.
	CommandUser = account.Name
	// DropIn holds eic's lines if sshd_config includes its directory. The name sorts
	// before the 20-systemd-userdb.conf of distributions, because the first value in
	// sshd_config applies.
	DropIn = "/etc/ssh/sshd_config.d/10-eic.conf"
)

// eic's two keywords and their counterparts for principals, in lower case as in sshd -T.
const (
	KeysCommand     = "authorizedkeyscommand"
	KeysCommandUser = "authorizedkeyscommanduser"

	principalsCommand     = "authorizedprincipalscommand"
	principalsCommandUser = "authorizedprincipalscommanduser"
)

// DirectiveName returns the keyword as sshd_config(5) writes it, or "" for any keyword
// but KeysCommand and KeysCommandUser.
func DirectiveName(keyword string) string {
	switch keyword {
	case KeysCommand:
		return "AuthorizedKeysCommand"
	case KeysCommandUser:
		return "AuthorizedKeysCommandUser"
	default:
		return ""
	}
}

// ErrNoServer means that sshd or its sshd_config is not installed.
var ErrNoServer = errors.New("no OpenSSH server is installed")

// A Host is a machine whose sshd is examined or configured, or the file tree of one. The
// zero value is the machine that the process runs on.
type Host struct {
	// Root is the directory that sshd would see as /; empty means /. No symbolic link
	// leads out of it. sshd is reloaded only if Root is /.
	Root string
	// Run runs sshd and systemctl; nil means Exec(Root).
	Run Runner

	// file is the file that sshd reads instead of its sshd_config, or empty.
	file string
	// ReloadWith is the command that reloads a running sshd: the path of a program and
	// its arguments, separated by blanks. Empty means systemctl, or SIGHUP if systemd
	// does not run the machine.
	ReloadWith string
}

func (h Host) root() string {
	if h.Root == "" {
		return "/"
	}
	return h.Root
}

// Tree returns the files of the host.
func (h Host) Tree() Tree {
	return NewTree(h.root())
}

// Place returns a position as FILE:LINE.
func Place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}
