package sshd

import (
	"context"
	"slices"
)

// A Survey is what a host's files say about sshd.
type Survey struct {
	Tree Tree
	// Main is the file that sshd reads first: ConfigFile, or sshd_config if ConfigFile is
	// empty.
	Main string
	// ConfigFile is the file given by -f in the first unit that starts sshd, or in the
	// options of the init script. It is empty if there is no such option.
	ConfigFile string
	// Blocks are eic's blocks: normally one, and none before "eic enable".
	Blocks []Block
	// Current is the current configuration. WithoutBlocks is the configuration that would
	// apply without eic's blocks.
	Current, WithoutBlocks Config
	// Overrides are the options on sshd's command line.
	Overrides []Override
	// Version is the version of sshd, which affects how it reads the files.
	Version Version
}

// WithConfigFile returns the host with an sshd that reads the file instead of sshd_config
// (sshd(8), -f). An empty name means sshd_config.
func (h Host) WithConfigFile(file string) Host {
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
	if err := s.readFrom(configFile(s.Tree, startSettings(lines))); err != nil {
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
		s.Blocks = append(s.Blocks, b)
		without[name] = b.Cut(data)
		if name == DropIn {
			without[name] = nil
		}
	}
	if s.WithoutBlocks, err = Read(s.Tree.With(without), s.Main, s.Version); err != nil {
		return Survey{}, err
	}
	return s, nil
}

// readFrom reads the configuration that starts with the file instead of sshd_config. An
// empty name means sshd_config.
func (s *Survey) readFrom(file string) (err error) {
	s.ConfigFile, s.Main = file, file
	if file == "" {
		if s.Main, err = mainFile(s.Tree); err != nil {
			return err
		}
	}
	s.Current, err = Read(s.Tree, s.Main, s.Version)
	return err
}
