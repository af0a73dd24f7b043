package enable

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"syscall"

	"github.com/rogpeppe/go-internal/diff"

	"eic/internal/sshd"
)

// nullDevice is the target of a link that masks a drop-in of systemd.
const nullDevice = "/dev/null"

// A node is what exists at a path: nothing, a file, a directory or a link to nullDevice.
type node struct {
	kind kind
	data []byte
	mode fs.FileMode
}

type kind int

const (
	nothing kind = iota
	file
	directory
	mask
)

// An edit replaces what exists at a path. Its inverse undoes it. The path is resolved.
type edit struct {
	path          string
	before, after node
}

// inverse returns the edit that undoes this one.
func (e edit) inverse() edit {
	return edit{e.path, e.after, e.before}
}

// apply makes the edit if the path is still as expected. Directories are only created or
// removed, and one that is no longer empty is kept.
func (e edit) apply(t sshd.Tree) error {
	where := t.HostPath(e.path)
	if err := e.before.checkUnchanged(where); err != nil {
		return fmt.Errorf("changing %q: %w", e.path, err)
	}
	switch {
	case e.after.kind == file:
		return writeFile(where, e.after.data, e.after.mode)
	case e.after.kind == directory:
		if err := os.Mkdir(where, e.after.mode); err != nil {
			return err
		}
		return os.Chmod(where, e.after.mode) // whatever the umask
	case e.after.kind == mask:
		return os.Symlink(nullDevice, where)
	case e.before.kind == directory:
		if err := os.Remove(where); !errors.Is(err, syscall.ENOTEMPTY) {
			return err
		}
		return nil
	default:
		return errors.Join(os.Remove(where), syncDirectory(path.Dir(where)))
	}
}

// checkUnchanged returns an error if the path of this process no longer has this node.
func (n node) checkUnchanged(where string) error {
	info, err := os.Lstat(where)
	found := nothing
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err != nil:
	case info.IsDir():
		found = directory
	case info.Mode().IsRegular():
		found = file
	default:
		found = mask
	}
	same := found == n.kind
	if same && found == file {
		data, err := os.ReadFile(where)
		if err != nil {
			return err
		}
		same = bytes.Equal(data, n.data)
	}
	if same && found == mask {
		target, err := os.Readlink(where)
		same = err == nil && target == nullDevice
	}
	if !same {
		return errors.New("somebody else changed it in the meantime; check it and try again")
	}
	return nil
}

// carryOut makes the edits and then calls check. If one of them fails, or if ctx ends in
// the meantime, carryOut undoes the edits.
func carryOut(ctx context.Context, t sshd.Tree, edits []edit, check func() error) error {
	err := applyAll(ctx, t, edits)
	if err == nil {
		err = check()
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("interrupted, so eic restores the old configuration: %w", context.Cause(ctx))
	}
	if err == nil {
		return nil
	}
	for _, e := range slices.Backward(edits) {
		if e.before.checkUnchanged(t.HostPath(e.path)) == nil {
			continue
		}
		if undoErr := e.inverse().apply(t); undoErr != nil {
			err = errors.Join(err, fmt.Errorf("restoring %q: %w", e.path, undoErr))
		}
	}
	return err
}

func applyAll(ctx context.Context, t sshd.Tree, edits []edit) error {
	for _, e := range edits {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := e.apply(t); err != nil {
			return err
		}
	}
	return nil
}

// unifiedDiff returns the edits as a diff for people and for patch(1). It leaves out
// directories.
func unifiedDiff(edits []edit) string {
	var out bytes.Buffer
	for _, e := range edits {
		if e.before.kind == directory || e.after.kind == directory {
			continue
		}
		from, before := e.before.shown(e.path)
		to, after := e.after.shown(e.path)
		out.Write(diff.Diff(from, before, to, after))
	}
	return out.String()
}

func (n node) shown(name string) (label string, text []byte) {
	switch n.kind {
	case file:
		return name, n.data
	case mask:
		return name, []byte("symbolic link to " + nullDevice + "\n")
	default:
		return nullDevice, nil
	}
}
