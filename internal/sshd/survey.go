package sshd

import (
	"context"
	"slices"
)

// A Survey is what a host's files say about sshd.
type Survey struct {
	Tree Tree
	// Main is the file that sshd reads first: File if the first unit, or the init script,
	// that starts sshd names one by -f. File is empty otherwise.
	Main, File string
	// Ours are eic's blocks: normally one, and none before enable.
	Ours []Block
	// Now is the current configuration, and Bare the configuration without eic's blocks.
	Now, Bare Config
	// Overrides are the options on sshd's command line.
	Overrides []Override
	// Version is the version of sshd, which affects how it reads the files.
	Version Version
}

// Reading returns the host with an sshd that reads a file in place of its sshd_config (sshd(8),
// -f), unless it is empty.
func (h Host) Reading(file string) Host {
	h.file = file
	return h
}

// Survey reads sshd_config, every file that it includes, and the units that start sshd.
// It runs sshd only to learn its version. The error wraps ErrNoServer if there is no
// sshd_config.
func (h Host) Survey(ctx context.Context) (Survey, error) {
	s := Survey{Tree: h.Tree(), Version: h.Version(ctx)}
	lines, err := h.commandLines(ctx)
	if err != nil {
		return Survey{}, err
	}
	s.Overrides = overrides(lines)
	if err := s.readAs(lastFile(s.Tree, startSettings(lines))); err != nil {
		return Survey{}, err
	}
	without := map[string][]byte{}
	for _, name := range slices.Compact([]string{DropIn, s.Main, MainConfig}) {
		data, err := s.Tree.ReadIfThere(name)
		if err != nil {
			return Survey{}, err
		}
		b, found := FindBlock(name, data)
		if data == nil || !found {
			continue
		}
		s.Ours = append(s.Ours, b)
		without[name] = b.Cut(data)
		if name == DropIn {
			without[name] = nil
		}
	}
	if s.Bare, err = Read(s.Tree.With(without), s.Main, s.Version); err != nil {
		return Survey{}, err
	}
	return s, nil
}

// readAs reads the configuration that starts with a file in place of sshd_config, unless it is
// empty.
func (s *Survey) readAs(file string) (err error) {
	s.File, s.Main = file, file
	if file == "" {
		if s.Main, err = mainFile(s.Tree); err != nil {
			return err
		}
	}
	s.Now, err = Read(s.Tree, s.Main, s.Version)
	return err
}
