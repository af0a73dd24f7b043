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

// A Tree is a file tree, as seen by a process whose / is root. Paths in its methods are
// absolute paths inside the tree.
//
// overlay holds planned changes: the new contents of a file, or nil for its removal. Its
// keys are resolved paths.
type Tree struct {
	root    string
	overlay map[string][]byte
}

// NewTree returns the tree below root, a directory of this process.
func NewTree(root string) Tree {
	return Tree{root: root}
}

// With returns the tree with more planned changes.
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

// HostPath returns the path of a file of the tree for this process. The given path must
// be resolved. Its last element may be a link if the link itself is meant.
func (t Tree) HostPath(name string) string {
	return filepath.Join(t.root, name)
}

// Resolve follows every symbolic link of a path inside the tree. A path that does not
// exist is resolved as far as possible. A path with a loop of links becomes a path that
// cannot exist, so that the kernel cannot follow the links out of the tree.
func (t Tree) Resolve(name string) string {
	return trustedfile.ResolveMissing(os.DirFS(t.root), name)
}

// ReadFile returns the contents of a file. The error is fs.ErrNotExist if the file does
// not exist or a planned change removes it.
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

// Exists reports whether name exists. A dangling link exists.
func (t Tree) Exists(name string) bool {
	if data, overlaid := t.overlay[t.Resolve(name)]; overlaid {
		return data != nil
	}
	_, err := os.Lstat(t.HostPath(path.Join(t.Resolve(path.Dir(name)), path.Base(name))))
	return err == nil || t.hasOverlay(name)
}

// isDirectory reports whether name is a directory, or a link to a directory.
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

// glob returns the paths that match a pattern of glob(7), in byte order, as glob(3) does
// in sshd. A pattern without matches is not an error.
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

// matching returns the names in a directory that match one element of a pattern. For a
// file, it returns nothing.
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

// hasOverlay reports whether a planned change creates a file somewhere below a directory.
func (t Tree) hasOverlay(directory string) bool {
	resolved := t.Resolve(directory)
	for name, data := range t.overlay {
		if data != nil && strings.HasPrefix(name, resolved+"/") {
			return true
		}
	}
	return false
}

// matchName matches one name with one element of a glob(7) pattern. A leading period must
// be matched explicitly, and an unclosed bracket is an ordinary character.
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
