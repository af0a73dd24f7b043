// Package sshdconfig finds out which AuthorizedKeysCommand sshd runs, says
// which file and line made it so, and adds or removes the lines that make it
// this product's command.
//
// It rests on two readings that have to agree: sshd's own (sshd -T) says what
// is in force, and the package's reading of the files says where that comes
// from and would come from without our lines. What sshd -T cannot see, options
// on the command line of a systemd unit, is read from the units.
//
// Nobody else's configuration is overridden: where another command is in
// force the answer is a *ConflictError and nothing has changed. Our lines stand
// in one marked block, either alone in DropIn or at the head of sshd_config.
// The block carries a checksum of itself; a block that was edited is somebody's
// work and is neither rewritten nor removed.
//
// Everything that is changed is checked by sshd before it counts and put back
// if sshd refuses it. A running sshd is reloaded, never restarted.
//
// The package does not look at whether the command works, at its user or at
// its owners and modes, and it does not edit anybody's systemd unit.
package sshdconfig

import (
	"errors"
	"fmt"
	"strings"
)

// What eic puts into sshd's configuration.
const (
	// Program is the command sshd is told to run.
	Program = "/usr/bin/eic"
	// CommandUser is the system user sshd runs it as.
	CommandUser = "eic"
	// DropIn holds our lines where sshd_config includes its folder. The name
	// sorts before a distribution's 20-systemd-userdb.conf: in sshd_config the
	// first value wins.
	DropIn = "/etc/ssh/sshd_config.d/10-eic.conf"
)

// The directives this package is about, in lower case as it compares them.
const (
	keysCommand     = "authorizedkeyscommand"
	keysCommandUser = "authorizedkeyscommanduser"
)

// directiveName gives them as sshd_config(5) writes them, and nothing for any
// other directive.
func directiveName(keyword string) string {
	switch keyword {
	case keysCommand:
		return "AuthorizedKeysCommand"
	case keysCommandUser:
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
	// Root is the folder that sshd would see as /; empty means /. No symbolic
	// link leads out of it. sshd is only reloaded when it is /.
	Root string
	// Run runs sshd and systemctl; nil means Exec(Root).
	Run Runner
}

func (h Host) root() string {
	if h.Root == "" {
		return "/"
	}
	return h.Root
}

func (h Host) tree() tree {
	return tree{root: h.root()}
}

// A ConflictError means that somebody else's configuration is in the way and
// that nothing was changed.
type ConflictError struct {
	// File and Line say where it stands, as sshd sees the path. File is empty
	// when sshd reports a value that no line was found for; Line is 0 when the
	// whole file is meant.
	File string
	Line int
	// Command is the other command, as the line has it. It is empty when the
	// conflict is not about a command.
	Command string
	// Problem says what was found, Remedy what an administrator can do.
	Problem, Remedy string
}

// Error gives all of it in one line.
func (e *ConflictError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(place(e.File, e.Line) + ": ")
	}
	b.WriteString(e.Problem)
	if e.Command != "" {
		fmt.Fprintf(&b, " %q", e.Command)
	}
	return b.String() + "; " + e.Remedy
}

// place writes a position as file:line.
func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}
