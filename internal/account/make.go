package account

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

const (
	comment = "EC2 Instance Connect"
	// noHome is a path that never exists (Debian Policy 9.2.3).
	noHome = "/nonexistent"
	// noGroup is the gid of a group that owns nothing.
	noGroup = "65534"
)

// Make creates the user Name: locked, without a shell and a home directory. If the host
// has the user Earlier and it is fit, the new user gets the same uid and group, so that
// existing firewall rules still apply. An existing group called Name is not joined.
func (d Database) Make(ctx context.Context) error {
	program, commands, err := d.commands(ctx)
	if err != nil {
		return err
	}
	for _, args := range commands {
		if _, stderr, err := d.Run(ctx, args[0], args[1:]...); err != nil {
			return fmt.Errorf("creating the system user %q with %s: %w%s", Name, program, err, stderrText(stderr))
		}
	}
	return nil
}

// commands returns the program that creates users here, and its arguments.
func (d Database) commands(ctx context.Context) (program string, commands [][]string, err error) {
	const shadow, busybox = "/usr/sbin/useradd", "/usr/sbin/adduser"
	_, err = d.line(ctx, "group", Name)
	ownGroup := errors.Is(err, ErrUnknown)
	if err != nil && !ownGroup {
		return "", nil, err
	}
	switch {
	case d.has(shadow):
		ids, err := d.ids(ctx, ownGroup)
		add := append([]string{shadow, "--system", "--no-create-home", "--home-dir", noHome, "--shell", d.noShell(), "--comment", comment}, ids...)
		return shadow, [][]string{append(add, Name)}, err
	case d.has(busybox):
		add := []string{busybox, "-S", "-D", "-H", "-h", noHome, "-s", d.noShell(), "-g", comment}
		if !ownGroup { // its group is nogroup then
			return busybox, [][]string{append(add, Name)}, nil
		}
		return busybox, [][]string{{"/usr/sbin/addgroup", "-S", Name}, append(add, "-G", Name, Name)}, nil
	default:
		return "", nil, fmt.Errorf("creating the system user %q: expected %s or %s on this host", Name, shadow, busybox)
	}
}

// ids returns useradd's options for the uid and the group.
func (d Database) ids(ctx context.Context, ownGroup bool) ([]string, error) {
	earlier, err := d.earlier(ctx)
	switch {
	case err != nil:
		return nil, err
	case earlier.Name != "":
		return []string{"--non-unique", "--uid", decimal(earlier.UID), "--gid", decimal(earlier.GID)}, nil
	case ownGroup:
		return []string{"--user-group"}, nil
	default:
		return []string{"--gid", noGroup}, nil
	}
}

// earlier returns the user Earlier if an earlier version of eic created it, or else an
// Account without a name.
func (d Database) earlier(ctx context.Context) (Account, error) {
	a, err := d.Find(ctx, Earlier)
	if errors.Is(err, ErrUnknown) || err == nil && a.Comment != comment {
		return Account{}, nil
	}
	if err != nil {
		return Account{}, err
	}
	why, err := d.Unfit(a)
	if err != nil || why != "" {
		return Account{}, err
	}
	return a, nil
}

func decimal(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// noShell returns a program that refuses every login.
func (d Database) noShell() string {
	for _, shell := range []string{"/usr/sbin/nologin", "/sbin/nologin"} {
		if d.has(shell) {
			return shell
		}
	}
	return "/bin/false"
}
