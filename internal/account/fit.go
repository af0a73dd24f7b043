package account

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// firstPerson is the first uid of people's accounts, unless /etc/login.defs has another.
const firstPerson = 1000

// Unfit says why an account is not a system user reserved for eic, or returns "" if it is
// one. Such a user is locked, has no shell and no home directory, has a uid below those
// of people, and shares its uid with nobody. Unfit returns an error if a check failed.
// The caller must be root, to read /etc/shadow.
func (d Database) Unfit(a Account) (string, error) {
	first, err := d.firstPerson()
	if err != nil {
		return "", err
	}
	switch {
	case a.UID == 0 || a.GID == 0:
		return "it has the rights of root", nil
	case a.UID >= first:
		return fmt.Sprintf("its uid %d is in the range for people (UID_MIN is %d)", a.UID, first), nil
	case !slices.Contains([]string{"nologin", "false"}, path.Base(a.Shell)):
		return fmt.Sprintf("it has a login shell, %q", a.Shell), nil
	case d.owns(a, a.Home):
		return fmt.Sprintf("its home directory %q is in use", a.Home), nil
	}
	if other, err := d.sharesUID(a); other != "" || err != nil {
		return fmt.Sprintf("the user %q has the same uid %d", other, a.UID), err
	}
	locked, err := d.locked(a)
	if err == nil && !locked {
		return "it has a password", nil
	}
	return "", err
}

// firstPerson returns UID_MIN of login.defs(5).
func (d Database) firstPerson() (uint32, error) {
	text, err := d.read("etc/login.defs")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "UID_MIN" {
			continue
		}
		if uid, err := strconv.ParseUint(fields[1], 10, 32); err == nil {
			return uint32(uid), nil
		}
	}
	return firstPerson, nil
}

func (d Database) owns(a Account, directory string) bool {
	info, err := fs.Stat(d.Root, strings.TrimPrefix(path.Clean("/"+directory), "/"))
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == a.UID
}

// sharesUID returns the name of another account with the same uid. The account Earlier
// may share it.
func (d Database) sharesUID(a Account) (string, error) {
	text, err := d.read("etc/passwd")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(text) {
		other, ok := parse(strings.TrimSuffix(line, "\n"))
		if ok && other.UID == a.UID && other.Name != a.Name && other.Name != Name && other.Name != Earlier {
			return other.Name, nil
		}
	}
	return "", nil
}

// locked reports whether no password can log in to the account (shadow(5)).
func (d Database) locked(a Account) (bool, error) {
	password := a.password
	text, err := d.read("etc/shadow")
	if err != nil {
		return false, err
	}
	if line, found := lineOf(text, a.Name); found {
		password = strings.Split(line, ":")[1]
	}
	return password == "x" || strings.HasPrefix(password, "!") || strings.HasPrefix(password, "*"), nil
}
