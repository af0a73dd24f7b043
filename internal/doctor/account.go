package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"eic/internal/argv"
	"eic/internal/sshd"
)

// Account is a user of the system.
type Account struct {
	Name     string
	UID, GID uint32
	// Groups are the groups it belongs to besides GID, as far as /etc/group
	// tells.
	Groups []uint32
	// Home is its home directory.
	Home string
	// Source is where it was found.
	Source string
}

var (
	errNoAccount   = errors.New("no such user")
	errAccountHere = errors.New("not in /etc/passwd; it may be known elsewhere, but there is no getent to ask")
)

// findAccount looks a user up: in /etc/passwd, and where it is not there with
// getent, which asks everything that sshd asks too (nsswitch.conf(5)).
func (e *exam) findAccount(ctx context.Context, name string) (Account, error) {
	expanded, err := argv.Expand([]string{name}, map[byte]string{'u': e.User})
	if err != nil {
		return Account{}, err
	}
	name = expanded[0]
	passwd, err := fs.ReadFile(e.Root, "etc/passwd")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Account{}, err
	}
	a, found := parsePasswd(string(passwd), name)
	if !found {
		if a, err = e.getent(ctx, name); err != nil {
			return Account{}, err
		}
	}
	group, err := fs.ReadFile(e.Root, "etc/group")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Account{}, err
	}
	a.Groups = parseGroups(string(group), a.Name)
	return a, nil
}

// getent asks every source of users. It exits with 2 if none has the name
// (getent(1)).
func (e *exam) getent(ctx context.Context, name string) (Account, error) {
	const program = "/usr/bin/getent"
	if _, err := fs.Stat(e.Root, inFS(program)); err != nil {
		if e.onlyFiles() {
			return Account{}, errNoAccount
		}
		return Account{}, errAccountHere
	}
	stdout, stderr, err := e.Run(ctx, program, "passwd", "--", name)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 2 {
		return Account{}, errNoAccount
	}
	if err != nil {
		return Account{}, fmt.Errorf("running getent passwd %q: %w%s", name, err, said(stderr))
	}
	a, found := parsePasswd(string(stdout), name)
	if !found {
		return Account{}, fmt.Errorf("running getent passwd %q: it answered %.100q", name, stdout)
	}
	a.Source = "getent"
	return a, nil
}

// onlyFiles reports whether users are known from /etc/passwd alone.
func (e *exam) onlyFiles() bool {
	text, err := fs.ReadFile(e.Root, "etc/nsswitch.conf")
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if sources, found := strings.CutPrefix(strings.TrimSpace(line), "passwd:"); found {
			return slices.Equal(strings.Fields(sources), []string{"files"})
		}
	}
	return true
}

// parsePasswd finds a user in text of the form of passwd(5).
func parsePasswd(text, name string) (Account, bool) {
	for line := range strings.SplitSeq(text, "\n") {
		fields := strings.Split(line, ":")
		if len(fields) < 6 || fields[0] != name {
			continue
		}
		uid, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(fields[3], 10, 32)
		if err != nil {
			continue
		}
		return Account{Name: name, UID: uint32(uid), GID: uint32(gid), Home: fields[5], Source: "/etc/passwd"}, true
	}
	return Account{}, false
}

// parseGroups finds a user's groups in text of the form of group(5).
func parseGroups(text, name string) []uint32 {
	var groups []uint32
	for line := range strings.SplitSeq(text, "\n") {
		fields := strings.Split(line, ":")
		if len(fields) < 4 || !slices.Contains(strings.Split(fields[3], ","), name) {
			continue
		}
		if gid, err := strconv.ParseUint(fields[2], 10, 32); err == nil {
			groups = append(groups, uint32(gid))
		}
	}
	return groups
}

// mayPass reports whether the account may run a file, or search a folder, of
// this mode and owner. Of an account that was not found only what everybody may
// do is known.
func (a Account) mayPass(mode fs.FileMode, stat *syscall.Stat_t) bool {
	switch {
	case a.Name != "" && a.UID == stat.Uid:
		return mode&0o100 != 0
	case a.Name != "" && (a.GID == stat.Gid || slices.Contains(a.Groups, stat.Gid)):
		return mode&0o010 != 0
	}
	return mode&0o001 != 0
}

func checkAccount(_ context.Context, e *exam) Finding {
	name := e.accountName()
	if name == "" || name == "none" {
		return broken(`run "eic enable", or set AuthorizedKeysCommandUser eic`, "AuthorizedKeysCommandUser is not set, and sshd then runs no command")
	}
	remedy := "create it: systemd-sysusers eic.conf, or install the package eic again"
	switch {
	case errors.Is(e.accountErr, errNoAccount):
		return broken(remedy, "there is no user %q, and sshd then runs no command", name)
	case errors.Is(e.accountErr, errAccountHere):
		return notChecked("id "+name, "user %q is %v", name, e.accountErr)
	case e.accountErr != nil:
		return notChecked("id "+name, "looking up user %q: %v", name, e.accountErr)
	}
	found := fmt.Sprintf("%q, uid %d, from %s", name, e.account.UID, e.account.Source)
	switch {
	case e.account.UID == 0:
		return warning("set AuthorizedKeysCommandUser eic: the command needs no privilege", "%s, which is root", found)
	case name == sshd.AWSUser:
		return warning(`set AuthorizedKeysCommandUser eic, or run "eic enable"`,
			"%s: the older package deletes it when it is removed, and sshd then runs no command", found)
	}
	return ok("%s", found)
}
