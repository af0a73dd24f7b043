package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"eic/internal/argv"
	"eic/internal/sshd"
)

// Invocation is how sshd runs eic for a login.
type Invocation struct {
	// Program is the path of eic in sshd's command.
	Program string
	// Account is the user that sshd runs the command as.
	Account Account
	// Flags are the flags of authorized-keys in the command.
	Flags []string
	// Wrong is the error in the command's arguments or in the settings of the host, or
	// nil. With such an error eic prints no key.
	Wrong error
}

// invocation returns how sshd runs eic for the user, directly or through another command.
// Its error says why sshd does not run eic, or why that is unknown.
func (e *exam) invocation(ctx context.Context) (Invocation, error) {
	c, line := e.command, e.login.Command
	if args, err := argv.Split(line); e.login.err == nil && err == nil && !c.ours && runsEic(line) {
		i := slices.Index(args, sshd.Program)
		c.program = sshd.Program
		c.call, c.err = e.called(ctx, c, args[i+1:])
		c.ours = true
	}
	switch {
	case e.login.err != nil:
		return Invocation{}, e.login.err
	case line == "" || line == "none":
		return Invocation{}, errors.New("sshd runs no AuthorizedKeysCommand")
	case !c.ours:
		return Invocation{}, fmt.Errorf("sshd runs %q, which is not eic", line)
	}
	name, err := e.expandUser(e.login.User)
	if err != nil {
		return Invocation{}, err
	}
	as, err := e.findAccount(ctx, name)
	if err != nil {
		return Invocation{}, fmt.Errorf("looking up AuthorizedKeysCommandUser %q: %w", name, err)
	}
	return Invocation{Program: c.program, Account: as, Flags: c.call.Flags, Wrong: c.err}, nil
}
