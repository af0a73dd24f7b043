// Package enable adds eic's lines to sshd's configuration, and removes them.
//
// The package never overrides a command of somebody else. If sshd already runs another
// command, Add returns a *ConflictError and changes nothing. eic's lines are in one
// marked block, either alone in sshd.DropIn or at the start of sshd_config. The block
// contains its own checksum. An edited block is neither rewritten nor removed, because
// somebody else may depend on it.
//
// sshd tests every change before it is used, and the change is undone if sshd refuses it.
// A running sshd is reloaded, never restarted. The package edits no systemd unit.
package enable

import (
	"context"
	"fmt"

	"eic/internal/sshd"
)

// Options are the options of eic enable.
type Options struct {
	// Flags are the arguments for eic authorized-keys, as the command receives them:
	// without quotes, and with single percent signs. They replace the current ones.
	Flags []string
	// KeyOptions are the options before each key, from the settings of the host and
	// Flags. They are not written. A note says so if sshd does not support one of them.
	KeyOptions string
	// Replace allows dropping current flags that are not in Flags; a note lists them.
	// Without Replace, dropping them is a conflict.
	Replace bool
	// Chain chains the current command: eic runs it too. If eic already chains a command
	// and no other command is set, eic keeps chaining it. A note says so if there is no
	// command to chain.
	Chain bool
	// SELinuxAllowsChain says that the host's SELinux policy allows eic's domain what the
	// chained command needs. Without it, no command is chained where eic's policy module
	// confines eic.
	SELinuxAllowsChain bool
	// ReplaceInstanceConnect replaces the command of AWS's package ec2-instance-connect.
	// Its drop-in for the ssh unit is masked. Its line in sshd_config stays, after eic's.
	ReplaceInstanceConnect bool
	// Keep keeps the flags and the chained command of an existing entry; Flags and Chain
	// are for a new entry. An edited block is kept too. Keep is for package upgrades.
	Keep bool
	// Upgrade is Keep for an existing entry, and does nothing without one.
	Upgrade bool
	// Saved is an entry that Remove removed, from its Result. It replaces Flags.
	Saved *Entry
	// DryRun changes nothing and only returns what would change.
	DryRun bool
}

// A Result is what Add or Remove did, or would do.
type Result struct {
	// Changed is false if there was nothing to change.
	Changed bool
	// Diff shows what changed, or would change, as a unified diff.
	Diff string
	// Notes are sentences for the administrator.
	Notes []string
	// Reloaded names what was reloaded. It is empty if no sshd runs here.
	Reloaded string
	// NotReloaded says why a running sshd was not reloaded. Otherwise it is empty.
	NotReloaded string
	// Removed is the entry that Remove removed, or nil.
	Removed *Entry
}

// An Entry is the configurable part of eic's lines in sshd's configuration.
type Entry struct {
	// Args are the arguments of eic authorized-keys, after sshd's expansion.
	Args []string
	// User is its AuthorizedKeysCommandUser; empty means sshd.CommandUser.
	User string
}

// Add configures sshd to run eic authorized-keys, unless it already does.
//
// Add changes nothing and returns a *ConflictError if sshd runs another command that the
// options do not cover, or if the account for the command is not eic's. If sshd is not
// installed, the error wraps sshd.ErrNoServer. If sshd does not accept the new
// configuration, or still reports another one, every change is undone. After an error
// from reloading sshd, the new configuration is in place.
func Add(ctx context.Context, h sshd.Host, o Options) (Result, error) {
	s, err := survey(ctx, h)
	if err != nil || o.Upgrade && len(s.Blocks) == 0 {
		return Result{}, err
	}
	o.Keep = o.Keep || o.Upgrade
	if err := s.refuseEdited(); err != nil {
		if o.Keep {
			return Result{Notes: []string{"left unchanged: " + err.Error()}}, nil
		}
		return Result{}, withCommand(err, enableCommand(o))
	}
	if err := s.checkReading(ctx); err != nil {
		return Result{}, withCommand(err, enableCommand(o))
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
	if err := carryOut(ctx, s.Tree, p.edits, func() error { return s.checkResult(ctx, p.entry, logins) }); err != nil {
		return Result{}, err
	}
	if err := reload(context.WithoutCancel(ctx), h, len(p.masks) > 0, &result); err != nil {
		return Result{}, err
	}
	return result, nil
}

// prepare returns the plan with its notes, and creates the command's user if it does not
// exist. A *ConflictError ends with the command that succeeds.
func (s hostState) prepare(ctx context.Context, o Options) (p *plan, err error) {
	if s.awsUserIsGone, err = s.lacksAWSUser(ctx); err != nil {
		return nil, err
	}
	if p, err = s.plan(o); err != nil {
		return nil, s.withResolution(o, err)
	}
	p.addNotes(ctx)
	note, err := s.commandUser(ctx, o.DryRun)
	if err != nil {
		return nil, withCommand(err, enableCommand(o))
	}
	if note != "" {
		p.notes = append(p.notes, note)
	}
	return p, nil
}

// checkResult asks sshd three things about its new configuration: whether it is valid,
// whether eic's command runs with eic's user outside of Match blocks, and whether every
// other setting is as before.
func (s hostState) checkResult(ctx context.Context, e sshd.Entry, logins []login) error {
	if err := s.host.Test(ctx); err != nil {
		return fmt.Errorf("testing sshd's new configuration (eic restores the old one): %w", err)
	}
	global, _, err := s.host.AskGlobal(ctx)
	if err != nil {
		return fmt.Errorf("asking sshd for its new configuration (eic restores the old one): %w", err)
	}
	anybody, err := s.host.Ask(ctx, sshd.Anybody())
	if err != nil {
		return fmt.Errorf("asking sshd for its new configuration (eic restores the old one): %w", err)
	}
	for _, answer := range []sshd.Answer{global, anybody} {
		command, user := answer.Values[sshd.KeysCommand], answer.Values[sshd.KeysCommandUser]
		if command != e.Command() || user != e.RunsAs() {
			return fmt.Errorf("expected sshd to run %q as %s, but it would run %q as %s; eic restores the old configuration",
				e.Command(), e.RunsAs(), command, user)
		}
	}
	return s.checkSideEffects(ctx, e, logins)
}
