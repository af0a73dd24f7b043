package sshd

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"eic/internal/argv"
)

const (
	// MainConfig is the file that sshd reads first.
	MainConfig = "/etc/ssh/sshd_config"
	// VendorConfig is the file that SUSE's sshd reads if there is no MainConfig.
	VendorConfig = "/usr/etc/ssh/sshd_config"
	// configDirectory is where sshd looks for included files with relative names
	// (sshd_config(5)).
	configDirectory = "/etc/ssh"
	// maxIncludes is how deep sshd follows Include.
	maxIncludes = 16
)

// A Setting is one directive of the configuration.
type Setting struct {
	// Keyword is the directive's keyword, in lower case.
	Keyword string
	// Value is the rest of the line, with its quotes.
	Value string
	// File and Line say where the directive is, with the path that sshd uses.
	File string
	Line int
	// MainLine is the line of the main file that has the directive, or that includes the
	// directive's file.
	MainLine int
	// Match is empty outside of Match blocks. Inside, it has the criteria of the
	// surrounding blocks, joined by " and ".
	Match string
}

// matchAll is the criterion that every connection meets. sshd reads a block under it
// twice: in order among the directives outside of Match, and again for each connection.
const matchAll = "all"

// A Config is every directive except Include and Match, in the order in which sshd reads
// them.
type Config []Setting

// Global returns the directive that applies where no Match block changes it: the first
// one outside of Match blocks or under "Match all".
func (c Config) Global(keyword string) (Setting, bool) {
	for _, s := range c {
		if s.Keyword == keyword && (s.Match == "" || s.Match == matchAll) {
			return s, true
		}
	}
	return Setting{}, false
}

// InMatch returns the directives with a keyword inside Match blocks.
func (c Config) InMatch(keyword string) []Setting {
	var found []Setting
	for _, s := range c {
		if s.Keyword == keyword && s.Match != "" {
			found = append(found, s)
		}
	}
	return found
}

// Read reads sshd_config and every file that it includes. It does not run sshd.
func (h Host) Read() (Config, error) {
	t := h.Tree()
	main, err := mainFile(t)
	if err != nil {
		return nil, err
	}
	return Read(t, main, Version{})
}

// mainFile returns the path of the file that sshd reads first.
func mainFile(t Tree) (string, error) {
	name, found := t.FirstExisting(MainConfig, VendorConfig)
	if !found {
		return "", fmt.Errorf("looking for %s: %w", MainConfig, ErrNoServer)
	}
	return name, nil
}

// Read reads the file main of a tree and every file that it includes, as sshd of version
// v does.
func Read(t Tree, main string, v Version) (Config, error) {
	r := reader{tree: t, version: v}
	if err := r.file(main, "", 0); err != nil {
		return nil, err
	}
	return r.settings, nil
}

type reader struct {
	tree     Tree
	version  Version
	mainLine int
	settings Config
}

// file reads one file. match holds the criteria of the Match block that includes it. A
// Match in the file ends with the file.
func (r *reader) file(name, match string, depth int) error {
	if depth > maxIncludes {
		return fmt.Errorf("reading %q: Include nested more than %d deep", name, maxIncludes)
	}
	data, err := r.tree.ReadFile(name)
	if err != nil {
		return err
	}
	outer := match
	for i, line := range strings.Split(string(data), "\n") {
		if depth == 0 {
			r.mainLine = i + 1
		}
		keyword, value := ParseLine(line)
		switch keyword {
		case "":
		case "match":
			match = joinMatch(outer, value)
		case "include":
			files, err := r.included(value)
			if err != nil {
				return fmt.Errorf("reading %s: %w", Place(name, i+1), err)
			}
			for _, file := range files {
				if err := r.file(file, match, depth+1); err != nil {
					return err
				}
			}
		default:
			r.settings = append(r.settings, Setting{keyword, value, name, i + 1, r.mainLine, match})
		}
	}
	return nil
}

func joinMatch(outer, inner string) string {
	criteria, err := argv.SplitLine(inner)
	if err == nil && len(criteria) == 1 && strings.EqualFold(criteria[0], matchAll) {
		inner = matchAll
	}
	if outer == "" || outer == matchAll {
		return inner
	}
	return outer + " and " + inner
}

// included returns the files that an Include names, in order.
func (r *reader) included(value string) ([]string, error) {
	patterns, err := argv.SplitLine(value)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, pattern := range patterns {
		if !strings.HasPrefix(pattern, "/") {
			if r.version == (Version{8, 2}) {
				continue // it matches nothing
			}
			pattern = path.Join(configDirectory, pattern)
		}
		found, err := r.tree.glob(pattern)
		if err != nil {
			return nil, err
		}
		files = append(files, slices.DeleteFunc(found, r.tree.isDirectory)...)
	}
	return files, nil
}

// ReadIfThere is ReadFile, but returns nil for a file that does not exist.
func (t Tree) ReadIfThere(name string) ([]byte, error) {
	data, err := t.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && data == nil {
		data = []byte{}
	}
	return data, err
}

// FirstExisting returns the first of the paths that exists.
func (t Tree) FirstExisting(names ...string) (string, bool) {
	for _, name := range names {
		if t.Exists(name) {
			return name, true
		}
	}
	return "", false
}
