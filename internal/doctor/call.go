package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"eic/internal/argv"
	"eic/internal/sshd"
)

// Call is how sshd runs eic for a login.
type Call struct {
	// Program is the path of eic in sshd's command.
	Program string
	// Account is the user that sshd runs the command as.
	Account Account
	// Flags are the flags of authorized-keys in the command.
	Flags []string
	// Wrong is what is wrong with the command's arguments, or with the settings of the
	// host. eic then prints no key.
	Wrong error
}

// call returns how sshd runs eic for the user, also where another command runs it. The
// error is why sshd runs none, or why that is unknown.
func (e *exam) call(ctx context.Context) (Call, error) {
	c, line := e.command, e.login.Command
	if args, err := argv.Split(line); e.login.err == nil && err == nil && !c.ours && runsUs(line) {
		i := slices.Index(args, sshd.Program)
		c.program = sshd.Program
		c.call, c.err = e.called(ctx, c, args[i+1:])
		c.ours = true
	}
	switch {
	case e.login.err != nil:
		return Call{}, e.login.err
	case line == "" || line == "none":
		return Call{}, errors.New("sshd runs no AuthorizedKeysCommand")
	case !c.ours:
		return Call{}, fmt.Errorf("sshd runs %q, which is not eic", line)
	}
	name, err := e.expandUser(e.login.User)
	if err != nil {
		return Call{}, err
	}
	as, err := e.findAccount(ctx, name)
	if err != nil {
		return Call{}, fmt.Errorf("looking up AuthorizedKeysCommandUser %q: %w", name, err)
	}
	return Call{Program: c.program, Account: as, Flags: c.call.Flags, Wrong: c.err}, nil
}
