package enable

import (
	"context"
	"errors"
	"os"

	"eic/internal/account"
	"eic/internal/sshd"
)

// accounts returns the accounts of the host.
func (s hostState) accounts() account.Database {
	return account.Database{Root: os.DirFS(s.Tree.HostPath("/")), Run: s.host.Execute}
}

// commandUser ensures that the system user for the command exists and is reserved for
// eic. It returns a note about what it did, or would do in a dry run. If the account
// exists but is not reserved for eic, the error is a *ConflictError.
func (s hostState) commandUser(ctx context.Context, dryRun bool) (note string, err error) {
	accounts := s.accounts()
	found, err := accounts.Find(ctx, sshd.CommandUser)
	switch {
	case errors.Is(err, account.ErrUnknown) && dryRun:
		return "the system user " + sshd.CommandUser + " would be created", nil
	case errors.Is(err, account.ErrUnknown):
		return "the system user " + sshd.CommandUser + " was created", accounts.Make(ctx)
	case err != nil:
		return "", err
	}
	why, err := accounts.Unfit(found)
	if err != nil || why == "" {
		return "", err
	}
	return "", &ConflictError{
		Problem: `the account "` + sshd.CommandUser + `" is not a system user reserved for eic: ` + why,
		Advice:  "give that account another name",
		Run:     "usermod --login former" + sshd.CommandUser + " " + sshd.CommandUser,
	}
}
