package sshdconfig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"eic/internal/argv"
)

// Disable takes out what Enable put in and leaves every file as it was before,
// byte for byte. Without anything of ours it changes nothing.
//
// A block of ours that was edited is left alone; the error is a *ConflictError.
// If sshd accepted its configuration before and no longer does, everything is
// put back. Where sshd is gone nothing is tested.
func (h Host) Disable(ctx context.Context, dryRun bool) (Result, error) {
	s, err := h.survey()
	if errors.Is(err, ErrNoServer) {
		s, err = h.leftovers()
	}
	if err != nil {
		return Result{}, err
	}
	if err := s.untouched(); err != nil {
		return Result{}, err
	}
	edits, notes, err := s.removal()
	if err != nil {
		return Result{}, err
	}
	if len(s.ours) > 0 && len(s.ours[0].entry.args) > 0 {
		notes = append(notes, "the flags in it go too: "+argv.Quote(joined(s.ours[0].entry.args)))
	}
	result := Result{Changed: len(edits) > 0, Diff: unifiedDiff(edits), Notes: notes}
	if dryRun || !result.Changed {
		return result, nil
	}
	_, broken := h.sshd(ctx, "-t")
	err = carryOut(s.tree, edits, func() error {
		if _, err := h.sshd(ctx, "-t"); err != nil && broken == nil {
			return fmt.Errorf("testing sshd's configuration without ours, which is back: %w", err)
		}
		return nil
	})
	if err != nil {
		return Result{}, err
	}
	if broken != nil {
		result.Notes = append(result.Notes, "sshd was not reloaded: "+broken.Error())
		return result, nil
	}
	unmasked := slices.ContainsFunc(edits, func(e edit) bool { return e.before.kind == mask })
	if result.Reloaded, err = h.reload(ctx, unmasked); err != nil {
		return Result{}, err
	}
	return result, nil
}

// leftovers is the survey of a machine whose sshd was removed, configuration
// and all, before us.
func (h Host) leftovers() (survey, error) {
	s := survey{tree: h.tree(), main: DropIn}
	data, err := readIfThere(s.tree, DropIn)
	if err != nil || data == nil {
		return s, err
	}
	b, _ := findBlock(DropIn, data)
	s.ours = []block{b}
	return s, nil
}

// removal returns the edits that take our blocks and what they made away.
func (s survey) removal() (edits []edit, notes []string, err error) {
	for _, b := range s.ours {
		before, err := s.fileAt(b.file)
		if err != nil {
			return nil, nil, err
		}
		after := node{kind: file, data: b.cut(before.data), mode: before.mode}
		if b.file == DropIn {
			after = node{}
		}
		edits = append(edits, edit{s.tree.resolve(b.file), before, after})
	}
	for _, name := range slices.Backward(s.made()) {
		where := path.Join(s.tree.resolve(path.Dir(name)), path.Base(name))
		info, err := os.Lstat(s.tree.host(where))
		var before node
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			return nil, nil, err
		case info.IsDir():
			before = node{kind: folder, mode: info.Mode().Perm()}
		default:
			before = node{kind: mask}
		}
		if err := before.stillAt(s.tree.host(where)); err != nil {
			notes = append(notes, fmt.Sprintf("%s was left alone: it is no longer the link that masks a drop-in", name))
			continue
		}
		edits = append(edits, edit{path: where, before: before})
	}
	return edits, notes, nil
}
