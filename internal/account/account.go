// Package account finds, checks and creates the system user that sshd runs the command
// as.
//
// eic reserves the name of that user. An existing account of that name may still belong
// to a person or another service. Such an account is never used and never changed. No
// account is ever removed or renamed.
package account

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

const (
	// Name is the system user that sshd runs eic authorized-keys as. Names of people's
	// accounts do not begin with an underscore (Debian Policy 9.2.1).
	Name = "_eic"
	// Earlier is the name of that user in versions before 0.2.0.
	Earlier = "eic"
)

// ErrUnknown means that no source of accounts has the name.
var ErrUnknown = errors.New("no such user")

// An Account is one line of passwd(5).
type Account struct {
	Name     string
	UID, GID uint32
	// Comment is the field that often holds a person's name.
	Comment     string
	Home, Shell string
	password    string
}

// A Database reads the accounts of a machine.
type Database struct {
	// Root is the file tree of the machine.
	Root fs.FS
	// Run runs a program of the machine by its absolute path. The error is an
	// *exec.ExitError if the exit status is not 0.
	Run func(ctx context.Context, name string, args ...string) (stdout, stderr []byte, err error)
}

// Find looks an account up in /etc/passwd, and then with getent(1), which queries every
// source that sshd uses. The error wraps ErrUnknown if there is no such account.
func (d Database) Find(ctx context.Context, name string) (Account, error) {
	line, err := d.line(ctx, "passwd", name)
	if err != nil {
		return Account{}, err
	}
	a, ok := parse(line)
	if !ok {
		return Account{}, fmt.Errorf("looking up user %q: expected a line of passwd(5), got %.200q", name, line)
	}
	return a, nil
}

// line returns the line of a name in passwd(5) or group(5).
func (d Database) line(ctx context.Context, database, name string) (string, error) {
	text, err := d.read("etc/" + database)
	if err != nil {
		return "", err
	}
	if line, found := lineOf(text, name); found {
		return line, nil
	}
	const getent = "/usr/bin/getent"
	if !d.has(getent) {
		return "", fmt.Errorf("looking up %q in /etc/%s: %w", name, database, ErrUnknown)
	}
	stdout, stderr, err := d.Run(ctx, getent, database, "--", name)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 2 {
		return "", fmt.Errorf("looking up %q with getent %s: %w", name, database, ErrUnknown)
	}
	if err != nil {
		return "", fmt.Errorf("looking up %q with getent %s: %w%s", name, database, err, stderrText(stderr))
	}
	return strings.TrimSuffix(string(stdout), "\n"), nil
}

// read returns the text of a file, or nothing if the file does not exist.
func (d Database) read(name string) (string, error) {
	text, err := fs.ReadFile(d.Root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(text), err
}

// has reports whether the machine has a program.
func (d Database) has(program string) bool {
	_, err := fs.Stat(d.Root, strings.TrimPrefix(program, "/"))
	return err == nil
}

func lineOf(text, name string) (string, bool) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, name+":") {
			return strings.TrimSuffix(line, "\n"), true
		}
	}
	return "", false
}

func parse(line string) (Account, bool) {
	fields := strings.Split(line, ":")
	if len(fields) != 7 {
		return Account{}, false
	}
	uid, errUID := strconv.ParseUint(fields[2], 10, 32)
	gid, errGID := strconv.ParseUint(fields[3], 10, 32)
	return Account{
		Name: fields[0], UID: uint32(uid), GID: uint32(gid), Comment: fields[4], Home: fields[5], Shell: fields[6], password: fields[1],
	}, errUID == nil && errGID == nil
}

// stderrText returns what a program wrote to standard error on one line, to end an error
// message with.
func stderrText(stderr []byte) string {
	words := strings.Join(slices.Collect(strings.FieldsSeq(string(stderr))), " ")
	if words == "" {
		return ""
	}
	return fmt.Sprintf(": stderr %.300q", words)
}
