package sshdconfig

import (
	"context"
	"fmt"
)

// Options are the choices of eic enable.
type Options struct {
	// Flags are the arguments for eic authorized-keys, each as the command
	// would get it: not quoted, percent signs not doubled. They take the place
	// of those that stood there; a note names what is gone.
	Flags []string
	// Chain takes another command in force over: ours runs it after its own
	// keys. Without another one, ours goes on running the one it runs by now;
	// a note says so if there is none.
	Chain bool
	// ReplaceInstanceConnect puts ours in place of the older
	// ec2-instance-connect package's: its drop-in of the ssh unit is masked, its
	// line in sshd_config is left standing behind ours.
	ReplaceInstanceConnect bool
	// Keep has an entry of ours that is there already keep its flags and the
	// command it chains: Flags and Chain are for a new one. What somebody edited
	// is kept too, as it is. It is for package upgrades.
	Keep bool
	// DryRun only says what would change.
	DryRun bool
}

// A Result is what Enable or Disable did, or would do.
type Result struct {
	// Changed is false when everything was as wanted already.
	Changed bool
	// Diff shows what changed, or would change, as a unified diff.
	Diff string
	// Notes are what an administrator should know, one sentence each.
	Notes []string
	// Reloaded names what was reloaded; it is empty when no sshd runs here.
	Reloaded string
}

// Enable makes sshd run eic authorized-keys, unless it does so already.
//
// It changes nothing and returns a *ConflictError where another command is in
// force that the options do not deal with, and an error that wraps
// ErrNoServer where there is no sshd. If sshd does not accept what was written,
// or still reports something else, everything is put back. An error from
// reloading sshd comes after that: the configuration is then in place.
func (h Host) Enable(ctx context.Context, o Options) (Result, error) {
	s, err := h.survey()
	if err != nil {
		return Result{}, err
	}
	if err := s.untouched(); err != nil {
		if o.Keep {
			return Result{Notes: []string{"kept as it is: " + err.Error()}}, nil
		}
		return Result{}, err
	}
	if err := h.confirmed(ctx, s); err != nil {
		return Result{}, err
	}
	p := plan{survey: s, entry: entry{made: s.made()}}
	if err := p.decide(o); err != nil {
		return Result{}, err
	}
	p.noteMatches()
	result := Result{Changed: len(p.edits) > 0, Diff: unifiedDiff(p.edits), Notes: p.notes}
	if o.DryRun || !result.Changed {
		return result, nil
	}
	if err := carryOut(s.tree, p.edits, func() error { return h.inForce(ctx, p.entry) }); err != nil {
		return Result{}, err
	}
	result.Reloaded, err = h.reload(ctx, len(p.masks) > 0)
	if err != nil {
		return Result{}, err
	}
	return result, nil
}

// inForce asks sshd whether it accepts its configuration and runs our command,
// as our user, for every login that no Match block has its own for.
func (h Host) inForce(ctx context.Context, e entry) error {
	if _, err := h.sshd(ctx, "-t"); err != nil {
		return fmt.Errorf("testing sshd's new configuration, now put back: %w", err)
	}
	for _, c := range []*Connection{nil, new(Anybody())} {
		values, err := h.effective(ctx, c)
		if err != nil {
			return fmt.Errorf("asking sshd for its new configuration, now put back: %w", err)
		}
		if values[keysCommand] != e.command() || values[keysCommandUser] != CommandUser {
			return fmt.Errorf("expected sshd to run %q as %s, it would run %q as %s; the old configuration is back",
				e.command(), CommandUser, values[keysCommand], values[keysCommandUser])
		}
	}
	return nil
}
