package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"eic/internal/account"
	"eic/internal/argv"
	"eic/internal/sshd"
)

// Account is a user of the system with its groups.
type Account struct {
	account.Account
	Groups []account.Group
}

// errAccountHere means that a user may be known where nobody can look.
var errAccountHere = errors.New("not in /etc/passwd; it may be known elsewhere, but there is no getent to ask")

func (e *exam) accounts() account.Database {
	return account.Database{Root: e.Root, Run: e.Run}
}

// findAccount looks up a user, and the groups that its processes get.
func (e *exam) findAccount(ctx context.Context, name string) (Account, error) {
	accounts := e.accounts()
	found, err := accounts.Find(ctx, name)
	switch {
	case errors.Is(err, account.ErrUnknown) && !e.hasGetent() && !e.onlyFiles():
		return Account{}, errAccountHere
	case err != nil:
		return Account{}, err
	}
	groups, err := accounts.Groups(ctx, found)
	return Account{found, groups}, err
}

// expandUser expands an AuthorizedKeysCommandUser for a login of the user.
func (e *exam) expandUser(name string) (string, error) {
	expanded, err := argv.Expand([]string{name}, map[byte]string{'u': e.User})
	if err != nil {
		return "", err
	}
	return expanded[0], nil
}

func (e *exam) hasGetent() bool {
	_, err := fs.Stat(e.Root, "usr/bin/getent")
	return err == nil
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

// mayPass reports whether the account may run a file, or search a directory, of
// this mode and owner. Of an account that was not found only what everybody may
// do is known.
func (a Account) mayPass(mode fs.FileMode, stat *syscall.Stat_t) bool {
	inGroup := slices.ContainsFunc(a.Groups, func(g account.Group) bool { return g.GID == stat.Gid })
	switch {
	case a.Name != "" && a.UID == stat.Uid:
		return mode&0o100 != 0
	case a.Name != "" && (a.GID == stat.Gid || inGroup):
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
	case errors.Is(e.accountErr, account.ErrUnknown):
		return broken(remedy, "there is no user %q, and sshd then runs no command", name)
	case errors.Is(e.accountErr, errAccountHere):
		return notChecked("id "+name, "user %q is %v", name, e.accountErr)
	case e.accountErr != nil:
		return notChecked("id "+name, "%v", e.accountErr)
	}
	found := fmt.Sprintf("%q, uid %d", name, e.account.UID)
	switch {
	case e.account.UID == 0:
		return warning("set AuthorizedKeysCommandUser eic: the command needs no privilege", "%s, which is root", found)
	case name == sshd.AWSUser:
		return warning(`set AuthorizedKeysCommandUser eic, or run "eic enable"`,
			"%s: the older package deletes it when it is removed, and sshd then runs no command", found)
	}
	return ok("%s", found)
}
