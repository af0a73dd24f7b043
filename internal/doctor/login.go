package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"eic/internal/account"
	"eic/internal/sshd"
	"eic/internal/trustedfile"
)

// loginChecks returns the checks of what sshd does with a login of the named user. They
// follow OpenSSH's auth.c, which refuses users before it asks for a key.
func loginChecks() []check {
	return []check{
		{"user-account", "the user's account", checkUserAccount},
		{"user-allowed", "AllowUsers, DenyUsers and their groups", checkUserAllowed},
		{"root-login", "PermitRootLogin", checkRootLogin},
	}
}

// lookUpPerson finds the account of the user who logs in.
func (e *exam) lookUpPerson(ctx context.Context) {
	if e.person, e.personErr = e.findAccount(ctx, e.User); e.personErr == nil {
		e.shadow, e.shadowErr = e.accounts().Shadow(ctx, e.person.Account, e.Now)
	}
}

func (e *exam) usesPAM() bool { return e.login.Values["usepam"] == "yes" }

// withPerson makes a check of the account of the user who logs in.
func (e *exam) withPerson(check func() Finding) Finding {
	switch {
	case e.login.err != nil:
		return skipped("command", "sshd reported no settings")
	case e.personErr != nil:
		return skipped("user-account", "user %q was not found", e.User)
	}
	return check()
}

func checkUserAccount(_ context.Context, e *exam) Finding {
	switch {
	case errors.Is(e.personErr, account.ErrUnknown):
		return broken("useradd -m "+e.User, "there is no user %q, so sshd refuses every key", e.User)
	case e.personErr != nil:
		return notChecked("id "+e.User, "looking up user %q: %v", e.User, e.personErr)
	}
	return e.withPerson(func() Finding {
		if f, bad := e.checkNoLogin(); bad {
			return f
		}
		if f, bad := e.checkShell(); bad {
			return f
		}
		if e.shadowErr != nil {
			return notChecked("run eic doctor as root", "%v", e.shadowErr)
		}
		return e.checkShadow()
	})
}

// checkNoLogin looks for a file that lets in nobody but root: sshd's own (nologin(5)),
// and with PAM those of pam_nologin(8).
func (e *exam) checkNoLogin() (Finding, bool) {
	names := []string{"/etc/nologin"}
	if e.usesPAM() {
		names = append(names, "/run/nologin", "/var/run/nologin")
	}
	for _, name := range names {
		if _, err := fs.Stat(e.Root, trustedfile.InFS(name)); err == nil && e.person.UID != 0 {
			return broken("rm "+name, "%s exists, so sshd lets in nobody but root", name), true
		}
	}
	return Finding{}, false
}

// checkShell checks the shell as sshd does, which refuses users without one.
func (e *exam) checkShell() (Finding, bool) {
	shell := e.person.Shell
	if shell == "" {
		shell = "/bin/sh"
	}
	if chroot := e.login.Values["chrootdirectory"]; chroot != "" && chroot != "none" {
		return Finding{}, false // sshd does not check then
	}
	remedy := "usermod -s /bin/sh " + e.User
	file, err := trustedfile.Resolve(e.Root, shell)
	if errors.Is(err, fs.ErrNotExist) {
		return broken(remedy, "the shell of user %q, %q, does not exist", e.User, shell), true
	}
	if err != nil {
		return Finding{}, false
	}
	info, err := fs.Stat(e.Root, trustedfile.InFS(file))
	switch {
	case err != nil:
		return Finding{}, false
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0:
		return broken(remedy, "the shell of user %q, %q, is not executable", e.User, shell), true
	case slices.Contains([]string{"nologin", "false"}, path.Base(shell)):
		return warning(remedy, "the shell of user %q is %q, which ends every session at once", e.User, shell), true
	}
	return Finding{}, false
}

func (e *exam) checkShadow() Finding {
	s, name := e.shadow, e.User
	switch {
	case s.Locked && !e.usesPAM():
		return broken("usermod -p '*' "+name, `user %q is locked: the password in shadow(5) begins with "!", and UsePAM is no`, name)
	case s.Expired:
		return broken("chage -E -1 "+name, "the account of user %q has expired", name)
	case s.PasswordDead && e.usesPAM():
		return broken("chage -I -1 -M -1 "+name, "the password of user %q expired too long ago, and PAM refuses the login", name)
	case s.PasswordExpired && e.usesPAM():
		return warning("chage -d today "+name, "the password of user %q has expired: PAM wants a new one before anything else", name)
	}
	return ok("%q, uid %d, neither expired nor locked out", name, e.person.UID)
}

// checkUserAllowed applies the four lists in sshd's order.
func checkUserAllowed(_ context.Context, e *exam) Finding {
	return e.withPerson(func() Finding {
		l, name := e.login, e.User
		var groups []string
		for _, group := range e.person.Groups {
			groups = append(groups, group.Name)
		}
		users, hosts := l.Patterns("denyusers").Match(name)
		if users {
			return broken(fmt.Sprintf("take %s out of DenyUsers%s", name, e.writtenAt("denyusers")), "DenyUsers %q matches user %q", l.Patterns("denyusers"), name)
		}
		from := refusedFrom(hosts)
		if allow := l.Patterns("allowusers"); len(allow) != 0 {
			users, hosts = allow.Match(name)
			switch {
			case !users && len(hosts) == 0:
				return broken(fmt.Sprintf("add %s to AllowUsers%s", name, e.writtenAt("allowusers")), "AllowUsers %q does not match user %q", allow, name)
			case !users:
				from += fmt.Sprintf(", only from %q", hosts)
			}
		}
		if deny := l.Patterns("denygroups"); deny.MatchAny(groups) {
			return broken(fmt.Sprintf("take the group of user %s out of DenyGroups%s", name, e.writtenAt("denygroups")),
				"DenyGroups %q matches a group of user %q", deny, name)
		}
		if allow := l.Patterns("allowgroups"); len(allow) != 0 && !allow.MatchAny(groups) {
			return broken(fmt.Sprintf("usermod -a -G GROUP %s, with a GROUP out of AllowGroups%s", name, e.writtenAt("allowgroups")),
				"AllowGroups %q matches no group of user %q", allow, name)
		}
		return ok("user %q may log in%s", name, from)
	})
}

func refusedFrom(hosts []string) string {
	if len(hosts) == 0 {
		return ""
	}
	return fmt.Sprintf(", but not from %q", hosts)
}

// writtenAt says where a keyword with one of these names is set: on sshd's command line,
// which takes precedence, or in a file.
func (e *exam) writtenAt(names ...string) string {
	var places []string
	for _, v := range e.login.CommandLine {
		if slices.Contains(names, v.Keyword) {
			places = append(places, sshd.Place(v.File, v.Line))
		}
	}
	inFiles := places == nil
	for _, s := range e.survey.Current {
		if slices.Contains(names, s.Keyword) && (inFiles || s.Match != "" || isList(s.Keyword)) {
			places = append(places, sshd.Place(s.File, s.Line))
		}
	}
	if len(places) == 0 {
		return ""
	}
	return " (" + strings.Join(slices.Compact(places), ", ") + ")"
}

// isList reports whether sshd combines all lines of a keyword. For other keywords the
// first line counts.
func isList(keyword string) bool {
	return slices.Contains([]string{"allowusers", "denyusers", "allowgroups", "denygroups"}, keyword)
}

func checkRootLogin(_ context.Context, e *exam) Finding {
	return e.withPerson(func() Finding {
		value := e.login.Values["permitrootlogin"]
		switch {
		case e.person.UID != 0:
			return ok("user %q is not root", e.User)
		case value == "no":
			return broken("PermitRootLogin prohibit-password"+e.writtenAt("permitrootlogin"), "PermitRootLogin is %q, so sshd refuses root", value)
		case value == "forced-commands-only" && !strings.Contains(e.command.policy().KeyOptions, "command="):
			return broken("PermitRootLogin prohibit-password"+e.writtenAt("permitrootlogin"),
				"PermitRootLogin is %q: sshd accepts root's keys only with command= in --key-options", value)
		}
		return ok("PermitRootLogin is %q", value)
	})
}
