package enable

import (
	"context"
	"errors"
	"os"

	"eic/internal/account"
	"eic/internal/sshd"
)

// accounts are those of the host.
func (s site) accounts() account.Database {
	return account.Database{Root: os.DirFS(s.Tree.HostPath("/")), Run: s.host.Execute}
}

// commandUser sees to it that there is a system user for the command and that it
// is nobody else's account. It returns what it did, or in a dry run would do. An
// account that is not fit is left alone, which is a *ConflictError.
func (s site) commandUser(ctx context.Context, dryRun bool) (note string, err error) {
	accounts := s.accounts()
	found, err := accounts.Find(ctx, sshd.CommandUser)
	switch {
	case errors.Is(err, account.ErrUnknown) && dryRun:
		return "the system user " + sshd.CommandUser + " would be made", nil
	case errors.Is(err, account.ErrUnknown):
		return "the system user " + sshd.CommandUser + " was made", accounts.Make(ctx)
	case err != nil:
		return "", err
	}
	why, err := accounts.Unfit(found)
	if err != nil || why == "" {
		return "", err
	}
	return "", &ConflictError{
		Problem: `the account "` + sshd.CommandUser + `" is not the system user that sshd is to run eic as: ` + why,
		Advice:  "give that account another name",
		Run:     "usermod --login former" + sshd.CommandUser + " " + sshd.CommandUser,
	}
}
