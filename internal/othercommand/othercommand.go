// Package othercommand runs another AuthorizedKeysCommand on sshd's behalf.
//
// sshd has room for one such command. Where a host needs a second, that of
// SSSD or of a directory, ours runs it beside its own work and hands on what it
// prints. The package does to the command what sshd would do: the same rules
// for its line, its owner, its input and its environment. What sshd lacks it
// adds: a bound on time, on output and on the processes left behind.
//
// It verifies no key. The other command's keys are on that command's authority.
package othercommand

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"eic/internal/argv"
)

// Command is another AuthorizedKeysCommand, split, its tokens still in it. It
// comes from Parse.
type Command struct {
	line      string
	program   string
	arguments []string
}

// Parse reads a command as sshd reads the value of AuthorizedKeysCommand
// (sshd_config(5)): the absolute path of a program and its arguments, split by
// argv.Split, with the tokens %u, %f and %%. Without an argument the command
// is given the user.
//
// sshd knows more tokens than these. It does not tell them to its command, so
// they cannot be passed on, and the error says which ones can.
func Parse(line string) (Command, error) {
	args, err := argv.Split(line)
	if err != nil {
		return Command{}, err
	}
	if len(args) == 0 || !filepath.IsAbs(args[0]) {
		return Command{}, fmt.Errorf("%q does not begin with the absolute path of a program", line)
	}
	c := Command{line: line, program: args[0], arguments: args[1:]}
	if len(c.arguments) == 0 {
		c.arguments = []string{"%u"}
	}
	if _, err := argv.Expand(c.arguments, tokens("", "")); err != nil {
		return Command{}, fmt.Errorf("%w; the tokens known here are %%u (the user), %%f (the fingerprint of the key offered) and %%%%", err)
	}
	return c, nil
}

func tokens(user, fingerprint string) map[byte]string {
	return map[byte]string{'u': user, 'f': fingerprint}
}

// String returns the command as it was given to Parse.
func (c Command) String() string { return c.line }

// Program returns the path of the program.
func (c Command) Program() string { return c.program }

// NeedsFingerprint reports whether the command has the token %f.
func (c Command) NeedsFingerprint() bool {
	_, err := argv.Expand(c.arguments, map[byte]string{'u': ""})
	return err != nil
}

// IsThisProgram reports whether the command would run the program that asks.
// That would run itself in turn, without end.
func (c Command) IsThisProgram() bool {
	this, err := os.Stat("/proc/self/exe")
	if err != nil {
		return false
	}
	other, err := os.Stat(c.program)
	return err == nil && os.SameFile(this, other)
}

// environment returns those variables that sshd gives an
// AuthorizedKeysCommand. It is never nil.
func environment(environ []string) []string {
	kept := []string{}
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if slices.Contains([]string{"PATH", "USER", "LOGNAME", "HOME", "LANG"}, name) {
			kept = append(kept, variable)
		}
	}
	return kept
}
