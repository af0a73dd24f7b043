// Package othercommand runs another AuthorizedKeysCommand in place of sshd.
//
// sshd can run only one such command. If a host needs a second one, such as SSSD's, eic
// runs it in parallel with its own lookup and prints the keys of both. The package treats
// the command as sshd would: the same rules hold for its command line, its owner, its input
// and its environment. The package also does what sshd does not: it limits the command's
// time and output, and kills the processes that the command leaves behind.
//
// The package verifies no key. The other command is responsible for its keys.
package othercommand

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"eic/internal/argv"
)

// Command is another AuthorizedKeysCommand, split into arguments with unexpanded tokens.
// Parse creates it.
type Command struct {
	line      string
	program   string
	arguments []string
}

// Parse parses the value of AuthorizedKeysCommand as sshd does (sshd_config(5)): the
// absolute path of a program and its arguments, split by argv.Split, with the tokens %u,
// %f and %%. A command without arguments receives the user.
//
// sshd has more tokens, but eic does not know their values. The error for such a token
// lists the supported ones.
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
		return Command{}, fmt.Errorf("%w; the supported tokens are %%u (the user), %%f (the fingerprint of the key offered) and %%%%", err)
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

// IsThisProgram reports whether the command would run this program. That would repeat
// without end.
func (c Command) IsThisProgram() bool {
	this, err := os.Stat("/proc/self/exe")
	if err != nil {
		return false
	}
	other, err := os.Stat(c.program)
	return err == nil && os.SameFile(this, other)
}

// environment returns those variables that sshd gives an AuthorizedKeysCommand. It is
// never nil.
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
