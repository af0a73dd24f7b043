// Package sshd reads what the OpenSSH server of a host will do: which
// AuthorizedKeysCommand runs for a login, and which file and line set it.
//
// Two readings have to agree: sshd's own (sshd -T) says what is in force, and
// the package's reading of the files says where that comes from and what would
// be in force without our lines. Options on the command line of a systemd unit,
// which sshd -T cannot see, are read from the units.
//
// The package changes nothing but what sshd needs to answer at all: a stand-in
// host key and the privilege separation directory. It does not look at whether
// the command works, at its user or at its owners and modes.
package sshd

import (
	"errors"
	"fmt"

	"eic/internal/account"
)

// What eic puts into sshd's configuration.
const (
	// Program is the command sshd is told to run.
	Program = "/usr/bin/eic"
	// CommandUser is the system user sshd runs it as.
	CommandUser = account.Name
	// DropIn holds our lines where sshd_config includes its directory. The name
	// sorts before a distribution's 20-systemd-userdb.conf: in sshd_config the
	// first value wins.
	DropIn = "/etc/ssh/sshd_config.d/10-eic.conf"
)

// The keywords of our two lines, in lower case as sshd -T is read.
const (
	KeysCommand     = "authorizedkeyscommand"
	KeysCommandUser = "authorizedkeyscommanduser"

	principalsCommand     = "authorizedprincipalscommand"
	principalsCommandUser = "authorizedprincipalscommanduser"
)

// DirectiveName gives them as sshd_config(5) writes them, and nothing for any
// other directive.
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

// ErrNoServer means that there is no sshd, or no sshd_config, to configure.
var ErrNoServer = errors.New("no OpenSSH server is installed")

// A Host is a machine, or the file tree of one, whose sshd is looked at or
// configured. The zero value is the machine the process runs on.
type Host struct {
	// Root is the directory that sshd would see as /; empty means /. No symbolic
	// link leads out of it. sshd is only reloaded when it is /.
	Root string
	// Run runs sshd and systemctl; nil means Exec(Root).
	Run Runner
	// ReloadWith is the command that reloads a running sshd: the path of a program and its
	// arguments, with blanks between them. Empty means systemctl, or SIGHUP where systemd is not at work.
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

// Place writes a position as file:line.
func Place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}
