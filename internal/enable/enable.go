// Package enable adds our lines to sshd's configuration and removes them.
//
// Nobody else's configuration is overridden: where another command is in force
// the answer is a *ConflictError and nothing has changed. Our lines stand in one
// marked block, either alone in sshd.DropIn or at the head of sshd_config. The
// block carries a checksum of itself; an edited block is somebody's work and is
// neither rewritten nor removed.
//
// Everything that is changed is checked by sshd before it counts, and put back
// if sshd refuses it. A running sshd is reloaded, never restarted. The package
// does not edit anybody's systemd unit.
package enable

import (
	"context"
	"fmt"

	"eic/internal/sshd"
)

// Options are the choices of eic enable.
type Options struct {
	// Flags are the arguments for eic authorized-keys, each as the command
	// would get it: not quoted, percent signs not doubled. They take the place
	// of those that stood there.
	Flags []string
	// KeyOptions are the options in front of each key by the settings of the host and Flags. They
	// are not written, but a note says so if sshd does not know one.
	KeyOptions string
	// Replace lets flags go that stood there and are not in Flags; a note names
	// them. Without it they are a conflict.
	Replace bool
	// Chain takes another command in force over: ours runs it after its own
	// keys. Without another one, ours goes on running the one it runs by now;
	// a note says so if there is none.
	Chain bool
	// SELinuxAllowsChain says that the host's policy lets the domain of eic do what a
	// chained command needs. Without it there is none where our policy module confines eic.
	SELinuxAllowsChain bool
	// ReplaceInstanceConnect puts ours in place of the command of AWS's package
	// ec2-instance-connect: its drop-in of the ssh unit is masked, its
	// line in sshd_config is left standing behind ours.
	ReplaceInstanceConnect bool
	// Keep has an entry of ours that is there already keep its flags and the
	// command it chains: Flags and Chain are for a new one. What somebody edited
	// is kept too, as it is. It is for package upgrades.
	Keep bool
	// Upgrade is Keep where an entry of ours is there, and does nothing where
	// there is none.
	Upgrade bool
	// Saved is an entry that Remove took out, as its Result has it. It takes the
	// place of Flags.
	Saved *Entry
	// DryRun only says what would change.
	DryRun bool
}

// A Result is what Add or Remove did, or would do.
type Result struct {
	// Changed is false when everything was as wanted already.
	Changed bool
	// Diff shows what changed, or would change, as a unified diff.
	Diff string
	// Notes are what an administrator should know, one sentence each.
	Notes []string
	// Reloaded names what was reloaded; it is empty when no sshd runs here.
	Reloaded string
	// NotReloaded says why a running sshd was not reloaded, if it was not.
	NotReloaded string
	// Removed is the entry that Remove took out, or nil.
	Removed *Entry
}

// An Entry is what can be said of one of our entries in sshd's configuration.
type Entry struct {
	// Args are the arguments of eic authorized-keys, as sshd expands them.
	Args []string
	// User is its AuthorizedKeysCommandUser; empty stands for sshd.CommandUser.
	User string
}

// Add makes sshd run eic authorized-keys, unless it does so already.
//
// It changes nothing and returns a *ConflictError where another command is in
// force that the options do not deal with, or where the account for the command
// is somebody else's. Where there is no sshd, the error wraps sshd.ErrNoServer. If sshd does not accept what was written,
// or still reports something else, everything is put back. An error from
// reloading sshd comes after that: the configuration is then in place.
func Add(ctx context.Context, h sshd.Host, o Options) (Result, error) {
	s, err := survey(ctx, h)
	if err != nil || o.Upgrade && len(s.Ours) == 0 {
		return Result{}, err
	}
	o.Keep = o.Keep || o.Upgrade
	if err := s.untouched(); err != nil {
		if o.Keep {
			return Result{Notes: []string{"kept as it is: " + err.Error()}}, nil
		}
		return Result{}, ended(err, enableCommand(o))
	}
	if err := s.confirmed(ctx); err != nil {
		return Result{}, ended(err, enableCommand(o))
	}
	logins, err := s.askBefore(ctx)
	if err != nil {
		return Result{}, err
	}
	p, err := s.prepare(ctx, o)
	if err != nil {
		return Result{}, err
	}
	result := Result{Changed: len(p.edits) > 0, Diff: unifiedDiff(p.edits), Notes: p.notes}
	if o.DryRun || !result.Changed {
		return result, nil
	}
	if err := carryOut(ctx, s.Tree, p.edits, func() error { return s.inForce(ctx, p.entry, logins) }); err != nil {
		return Result{}, err
	}
	if err := reload(context.WithoutCancel(ctx), h, len(p.masks) > 0, &result); err != nil {
		return Result{}, err
	}
	return result, nil
}

// prepare returns the plan with its notes, and makes the command's user if there is none.
// A *ConflictError ends in the command that succeeds.
func (s site) prepare(ctx context.Context, o Options) (p *plan, err error) {
	if s.awsUserIsGone, err = s.lacksAWSUser(ctx); err != nil {
		return nil, err
	}
	if p, err = s.plan(o); err != nil {
		return nil, s.withWayOut(o, err)
	}
	p.addNotes(ctx)
	note, err := s.commandUser(ctx, o.DryRun)
	if err != nil {
		return nil, ended(err, enableCommand(o))
	}
	if note != "" {
		p.notes = append(p.notes, note)
	}
	return p, nil
}

// inForce asks sshd whether it accepts its configuration, runs our command as
// our user for every login that no Match block has its own for, and does
// everything else as before.
func (s site) inForce(ctx context.Context, e sshd.Entry, logins []login) error {
	if err := s.host.Test(ctx); err != nil {
		return fmt.Errorf("testing sshd's new configuration, now put back: %w", err)
	}
	global, _, err := s.host.AskGlobal(ctx)
	if err != nil {
		return fmt.Errorf("asking sshd for its new configuration, now put back: %w", err)
	}
	anybody, err := s.host.Ask(ctx, sshd.Anybody())
	if err != nil {
		return fmt.Errorf("asking sshd for its new configuration, now put back: %w", err)
	}
	for _, answer := range []sshd.Answer{global, anybody} {
		command, user := answer.Values[sshd.KeysCommand], answer.Values[sshd.KeysCommandUser]
		if command != e.Command() || user != e.RunsAs() {
			return fmt.Errorf("expected sshd to run %q as %s, it would run %q as %s; the old configuration is back",
				e.Command(), e.RunsAs(), command, user)
		}
	}
	return s.unchanged(ctx, e, logins)
}
