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

// Account is a user of the system, with its groups.
type Account struct {
	account.Account
	Groups []account.Group
}

// errNoGetent means that a user is not in /etc/passwd, and that other sources of accounts
// cannot be queried without getent.
var errNoGetent = errors.New("not in /etc/passwd; it may exist elsewhere, but there is no getent to query")

func (e *exam) accounts() account.Database {
	return account.Database{Root: e.Root, Run: e.Run}
}

// findAccount looks up a user and the groups of its processes.
func (e *exam) findAccount(ctx context.Context, name string) (Account, error) {
	accounts := e.accounts()
	found, err := accounts.Find(ctx, name)
	switch {
	case errors.Is(err, account.ErrUnknown) && !e.hasGetent() && !e.onlyFiles():
		return Account{}, errNoGetent
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

// onlyFiles reports whether /etc/passwd is the only source of accounts.
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

// hasAccess reports whether the account may execute a file, or search a directory, of this
// mode and owner. For an account that was not found, only the permissions for everybody count.
func (a Account) hasAccess(mode fs.FileMode, stat *syscall.Stat_t) bool {
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
		return broken(`run "eic enable", or set AuthorizedKeysCommandUser _eic`, "AuthorizedKeysCommandUser is not set, and sshd then runs no command")
	}
	remedy := `run "eic enable", which creates the user _eic and configures sshd to use it`
	switch {
	case errors.Is(e.accountErr, account.ErrUnknown):
		return broken(remedy, "there is no user %q, and sshd then runs no command", name)
	case errors.Is(e.accountErr, errNoGetent):
		return notChecked("id "+name, "user %q is %v", name, e.accountErr)
	case e.accountErr != nil:
		return notChecked("id "+name, "%v", e.accountErr)
	}
	return e.checkCommandAccount()
}

// checkCommandAccount checks whether the account is reserved for the command. Processes
// with the same uid can stop the command and write to its output.
func (e *exam) checkCommandAccount() Finding {
	name, remedy := e.account.Name, "AuthorizedKeysCommandUser "+sshd.CommandUser+e.writtenAt(sshd.KeysCommandUser)
	found := fmt.Sprintf("%q, uid %d", name, e.account.UID)
	switch {
	case e.account.UID == 0 && e.command.runAs() != "":
		return ok("%s, as the chained command needs; eic itself becomes %q", found, e.command.runAs())
	case e.account.UID == 0:
		return warning(remedy, "%s, which is root; the command needs no privilege", found)
	case name == sshd.AWSUser:
		return warning(remedy, "%s: removing the older package deletes it, and sshd then runs no command", found)
	case name == "nobody" || e.account.UID == overflowUID:
		return warning(remedy, "%s, which other services share; they could write to the command's output", found)
	}
	// Only root can read everything that Unfit needs.
	if why, err := e.accounts().Unfit(e.account.Account); err == nil && why != "" {
		return warning(remedy, "%s, which is not reserved for the command: %s", found, why)
	}
	if other := e.otherProcess(); other != "" {
		return warning(remedy, "%s, which runs %s too; it could write to the command's output", found, other)
	}
	return ok("%s", found)
}

// overflowUID is the uid of nobody on most systems.
const overflowUID = 65534

// otherProcess names a process of the command's user other than eic.
func (e *exam) otherProcess() string {
	directories, err := fs.Glob(e.Root, "proc/[0-9]*")
	if err != nil {
		return ""
	}
	for _, directory := range directories {
		info, err := fs.Stat(e.Root, directory)
		if err != nil {
			continue // it has ended
		}
		stat, known := info.Sys().(*syscall.Stat_t)
		if !known || stat.Uid != e.account.UID {
			continue
		}
		program, err := fs.ReadLink(e.Root, directory+"/exe")
		if err != nil || program == e.command.file || program == e.executable() {
			continue
		}
		return fmt.Sprintf("process %s (%q)", strings.TrimPrefix(directory, "proc/"), program)
	}
	return ""
}

// checkCommandUsers looks up every AuthorizedKeysCommandUser that can be in force. For an
// unknown user, sshd runs no command.
func checkCommandUsers(ctx context.Context, e *exam) Finding {
	if e.surveyErr != nil {
		return skipped("command", "%v", e.surveyErr)
	}
	inForce, _ := e.survey.Current.Global(sshd.KeysCommandUser)
	outranked := func(s sshd.Setting) bool { return s.Match == "" && s != inForce }
	settings := slices.DeleteFunc(slices.Clone(e.survey.Current), outranked)
	for _, o := range e.survey.Overrides {
		settings = append(settings, sshd.Setting{Keyword: o.Keyword, Value: o.Value, File: o.File, Line: o.Line})
	}
	known := 0
	for _, set := range settings {
		name := strings.Trim(set.Value, `"`)
		if set.Keyword != sshd.KeysCommandUser || name == "none" || strings.Contains(name, "%") {
			continue
		}
		known++
		if name == e.accountName() {
			continue // checkAccount reports this one
		}
		if _, err := e.findAccount(ctx, name); errors.Is(err, account.ErrUnknown) {
			return broken(fmt.Sprintf("AuthorizedKeysCommandUser %s (%s)", sshd.CommandUser, sshd.Place(set.File, set.Line)),
				"there is no user %q, so sshd runs no command%s", name, setAt(set))
		}
	}
	return ok("%d set, and no user is missing", known)
}

// checkPrincipals reports an AuthorizedPrincipalsCommand that sshd ignores because of
// eic's line, so that certificates cannot log in (bugzilla.mindrot.org 3574).
func checkPrincipals(_ context.Context, e *exam) Finding {
	return e.withLogin(func(l sshd.Effective) Finding {
		shadowed := l.ShadowedPrincipals
		if shadowed.File == "" {
			return ok("no AuthorizedPrincipalsCommand is ignored")
		}
		remedy := fmt.Sprintf("move the line after %s", sshd.Place(shadowed.File, shadowed.Line))
		if l.Managed {
			remedy = "eic disable && eic enable"
		}
		return warning(remedy, "sshd ignores AuthorizedPrincipalsCommand %q%s: before OpenSSH 9.4 it must come before AuthorizedKeysCommand%s",
			shadowed.Value, setAt(shadowed), setAt(l.Source))
	})
}
