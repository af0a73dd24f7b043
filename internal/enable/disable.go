package enable

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"eic/internal/argv"
	"eic/internal/sshd"
)

// Remove removes what Add added and restores every file, byte for byte. If the host has
// nothing of eic's, Remove changes nothing.
//
// Remove does not change an edited block; the error is a *ConflictError. If sshd accepted
// its configuration before and no longer does, every change is undone. If sshd is not
// installed, nothing is tested.
func Remove(ctx context.Context, h sshd.Host, dryRun bool) (Result, error) {
	s, err := survey(ctx, h)
	if errors.Is(err, sshd.ErrNoServer) {
		s, err = leftovers(h)
	}
	if err != nil {
		return Result{}, err
	}
	if err := s.refuseEdited(); err != nil {
		return Result{}, withCommand(err, "eic disable")
	}
	edits, notes, err := s.removal()
	if err != nil {
		return Result{}, err
	}
	restored, restoredNotes, err := s.restoration(edits)
	if err != nil {
		return Result{}, err
	}
	edits, notes = append(edits, restored...), append(notes, restoredNotes...)
	if len(s.Blocks) > 0 && len(s.Blocks[0].Args) > 0 {
		notes = append(notes, "its flags are removed too: "+argv.Quote(joinFlags(s.Blocks[0].Args)))
	}
	if set, found := s.WithoutBlocks.Global(sshd.KeysCommand); found && len(edits) > 0 && sshd.IsAWSCommand(set.Value) {
		notes = append(notes, sshd.Place(set.File, set.Line)+": the command of AWS's package is in force again; if that package is gone, run: "+removeLineCommand(set))
	}
	result := Result{Changed: len(edits) > 0, Diff: unifiedDiff(edits), Notes: notes}
	if len(s.Blocks) > 0 {
		result.Removed = &Entry{s.Blocks[0].Args, s.Blocks[0].User}
	}
	if dryRun || !result.Changed {
		return result, nil
	}
	return s.carryOutRemoval(ctx, edits, result)
}

// removeLineCommand returns the command that removes a line of AWS's package. A file that
// belongs to the package is removed as a whole.
func removeLineCommand(set sshd.Setting) string {
	if set.File == sshd.AWSConfig {
		return "rm " + set.File
	}
	return commentOut(set)
}

// carryOutRemoval makes the edits and reloads sshd. It tests the result only if sshd
// accepted its configuration before.
func (s hostState) carryOutRemoval(ctx context.Context, edits []edit, result Result) (Result, error) {
	broken := s.host.Test(ctx)
	err := carryOut(ctx, s.Tree, edits, func() error {
		if err := s.host.Test(ctx); err != nil && broken == nil {
			return fmt.Errorf("testing sshd's configuration without eic's lines (eic restores them): %w", err)
		}
		return nil
	})
	if err != nil {
		return Result{}, err
	}
	if broken != nil {
		result.NotReloaded = broken.Error()
		return result, nil
	}
	unmasked := slices.ContainsFunc(edits, func(e edit) bool { return e.before.kind == mask })
	if err := reload(context.WithoutCancel(ctx), s.host, unmasked, &result); err != nil {
		return Result{}, err
	}
	return result, nil
}

// leftovers returns the survey of a machine whose sshd and its configuration were removed
// before eic.
func leftovers(h sshd.Host) (hostState, error) {
	s := hostState{Survey: sshd.Survey{Tree: h.Tree(), Main: sshd.DropIn}, host: h}
	data, err := s.Tree.ReadIfThere(sshd.DropIn)
	if err != nil || data == nil {
		return s, err
	}
	b, _ := sshd.FindBlock(sshd.DropIn, data)
	s.Blocks = []sshd.Block{b}
	return s, nil
}

// restoration returns the edits that restore lines which Add changed, in files that no
// other edit changes.
func (s hostState) restoration(others []edit) (edits []edit, notes []string, err error) {
	var done []string
	for _, e := range others {
		done = append(done, e.path)
	}
	for _, set := range s.Current {
		where := s.Tree.Resolve(set.File)
		if slices.Contains(done, where) {
			continue
		}
		done = append(done, where)
		before, err := s.fileAt(set.File)
		if err != nil {
			return nil, nil, err
		}
		data, changed := restoreUsers(before.data)
		if changed > 0 {
			notes = append(notes, fmt.Sprintf("%s: a line that eic changed was edited since and is left alone; see %q", set.File, movedMark))
		}
		if string(data) != string(before.data) {
			edits = append(edits, edit{where, before, node{kind: file, data: data, mode: before.mode}})
		}
	}
	return edits, notes, nil
}

// removal returns the edits that remove eic's blocks and everything that eic created for
// them.
func (s hostState) removal() (edits []edit, notes []string, err error) {
	for _, b := range s.Blocks {
		before, err := s.fileAt(b.File)
		if err != nil {
			return nil, nil, err
		}
		rest, _ := restoreUsers(b.Cut(before.data))
		after := node{kind: file, data: rest, mode: before.mode}
		if b.File == sshd.DropIn {
			after = node{}
		}
		edits = append(edits, edit{s.Tree.Resolve(b.File), before, after})
	}
	for _, name := range slices.Backward(s.made()) {
		where := path.Join(s.Tree.Resolve(path.Dir(name)), path.Base(name))
		info, err := os.Lstat(s.Tree.HostPath(where))
		var before node
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			return nil, nil, err
		case info.IsDir():
			before = node{kind: directory, mode: info.Mode().Perm()}
		default:
			before = node{kind: mask}
		}
		if err := before.checkUnchanged(s.Tree.HostPath(where)); err != nil {
			notes = append(notes, fmt.Sprintf("%s was left alone: it is no longer the link that masks a drop-in", name))
			continue
		}
		edits = append(edits, edit{path: where, before: before})
	}
	return edits, notes, nil
}
