package main

import (
	"context"
	"fmt"
	"os"

	"eic/internal/account"
	"eic/internal/confine"
	"eic/internal/sshd"
)

// runAs is the user that this process will become. The zero runAs means no change.
type runAs struct{ uid, gid uint32 }

// findRunAs looks up the user of --run-as. After an error, no lookup may be made.
func findRunAs(ctx context.Context, name string) (runAs, error) {
	if name == "" {
		return runAs{}, nil
	}
	a, err := account.Database{Root: os.DirFS("/"), Run: sshd.Exec("/")}.Find(ctx, name)
	switch uid := os.Getuid(); {
	case err != nil:
		return runAs{}, fmt.Errorf("--run-as: %w", err)
	case a.UID == 0 || a.GID == 0:
		return runAs{}, fmt.Errorf("--run-as: the user %q has the rights of root, expected an unprivileged one such as %q", name, account.Name)
	case uid == int(a.UID):
		return runAs{}, nil
	case uid != 0:
		return runAs{}, fmt.Errorf("--run-as: this process belongs to user %d and cannot become %q; expected AuthorizedKeysCommandUser root", uid, name)
	}
	return runAs{a.UID, a.GID}, nil
}

func (r runAs) changes() bool { return r != runAs{} }

func (r runAs) become() error {
	if !r.changes() {
		return nil
	}
	return confine.Become(r.uid, r.gid)
}
