package sshd

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"eic/internal/trustedfile"
)

// A Tree is a file tree as a process sees it that has root for its /. Paths
// given to its methods are absolute and as that process would write them.
//
// overlay holds planned changes: the new content of a file, or nil for its
// removal. Its keys are resolved paths.
type Tree struct {
	root    string
	overlay map[string][]byte
}

// NewTree returns the tree below root, a directory of this process.
func NewTree(root string) Tree {
	return Tree{root: root}
}

// With returns the tree with some more planned changes.
func (t Tree) With(changes map[string][]byte) Tree {
	overlay := maps.Clone(t.overlay)
	if overlay == nil {
		overlay = map[string][]byte{}
	}
	for name, data := range changes {
		overlay[t.Resolve(name)] = data
	}
	return Tree{t.root, overlay}
}

// HostPath returns where a path of the tree is for this process. The path must be
// resolved, or its last element is a link that is meant itself.
func (t Tree) HostPath(name string) string {
	return filepath.Join(t.root, name)
}

// Resolve follows every symbolic link of a path inside the tree. A path that
// does not exist comes back as far as it could be followed. One whose links go
// round in circles becomes a path that cannot exist, so that the system does
// not follow them out of the tree.
func (t Tree) Resolve(name string) string {
	return trustedfile.ResolveMissing(os.DirFS(t.root), name)
}

// ReadFile returns the content of a file. The error is fs.ErrNotExist for a
// file that is absent, or removed by a planned change.
func (t Tree) ReadFile(name string) ([]byte, error) {
	resolved := t.Resolve(name)
	data, overlaid := t.overlay[resolved]
	switch {
	case overlaid && data == nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case overlaid:
		return data, nil
	}
	data, err := os.ReadFile(t.HostPath(resolved))
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	return data, nil
}

// Exists reports whether something is at name, be it a link that leads nowhere.
func (t Tree) Exists(name string) bool {
	if data, overlaid := t.overlay[t.Resolve(name)]; overlaid {
		return data != nil
	}
	_, err := os.Lstat(t.HostPath(path.Join(t.Resolve(path.Dir(name)), path.Base(name))))
	return err == nil || t.hasOverlay(name)
}

// isDirectory reports whether name is a directory or a link to one.
func (t Tree) isDirectory(name string) bool {
	info, err := os.Stat(t.HostPath(t.Resolve(name)))
	return err == nil && info.IsDir()
}

// names lists a directory, in byte order.
func (t Tree) names(directory string) ([]string, error) {
	resolved := t.Resolve(directory)
	entries, err := os.ReadDir(t.HostPath(resolved))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing %q: %w", directory, err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	for name, data := range t.overlay {
		if path.Dir(name) != resolved {
			continue
		}
		names = slices.DeleteFunc(names, func(n string) bool { return n == path.Base(name) })
		if data != nil {
			names = append(names, path.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// glob returns the paths that a pattern of glob(7) stands for, in byte order,
// as glob(3) does in sshd. A pattern that stands for nothing is no error.
func (t Tree) glob(pattern string) ([]string, error) {
	found := []string{"/"}
	for element := range strings.SplitSeq(strings.Trim(pattern, "/"), "/") {
		var next []string
		for _, directory := range found {
			names, err := t.matching(directory, element)
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				next = append(next, path.Join(directory, name))
			}
		}
		found = next
	}
	slices.Sort(found)
	return found, nil
}

// matching returns the names in a directory that one element of a pattern stands
// for. A file is no directory with nothing in it: it has no names.
func (t Tree) matching(directory, element string) ([]string, error) {
	if !strings.ContainsAny(element, `*?[\`) {
		if element == "" || t.Exists(path.Join(directory, element)) {
			return []string{element}, nil
		}
		return nil, nil
	}
	if !t.isDirectory(directory) && !t.hasOverlay(directory) {
		return nil, nil
	}
	names, err := t.names(directory)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(names, func(name string) bool { return !matchName(element, name) }), nil
}

// hasOverlay reports whether a planned change puts a file somewhere below a
// directory.
func (t Tree) hasOverlay(directory string) bool {
	resolved := t.Resolve(directory)
	for name, data := range t.overlay {
		if data != nil && strings.HasPrefix(name, resolved+"/") {
			return true
		}
	}
	return false
}

// matchName matches one name with one element of a glob(7) pattern. A leading
// period has to be written out, and a bracket that never closes is a bracket.
func matchName(element, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(element, ".") {
		return false
	}
	matched, err := path.Match(strings.ReplaceAll(element, "[!", "[^"), name)
	if err != nil {
		return element == name
	}
	return matched
}
