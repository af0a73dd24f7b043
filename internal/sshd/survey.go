package sshd

import "context"

// A Survey is what a host's files say about sshd.
type Survey struct {
	Tree Tree
	// Main is the file that sshd reads first.
	Main string
	// Ours are eic's blocks: normally one, and none before enable.
	Ours []Block
	// Now is the current configuration, and Bare the configuration without eic's blocks.
	Now, Bare Config
	// Overrides are the options on sshd's command line.
	Overrides []Override
	// Version is the version of sshd, which affects how it reads the files.
	Version Version
}

// Survey reads sshd_config, every file that it includes, and the units that start sshd.
// It runs sshd only to learn its version. The error wraps ErrNoServer if there is no
// sshd_config.
func (h Host) Survey(ctx context.Context) (Survey, error) {
	s := Survey{Tree: h.Tree(), Version: h.Version(ctx)}
	var err error
	if s.Main, err = mainFile(s.Tree); err != nil {
		return Survey{}, err
	}
	without := map[string][]byte{}
	for _, name := range []string{DropIn, s.Main} {
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
	if s.Now, err = Read(s.Tree, s.Main, s.Version); err != nil {
		return Survey{}, err
	}
	if s.Bare, err = Read(s.Tree.With(without), s.Main, s.Version); err != nil {
		return Survey{}, err
	}
	if s.Overrides, err = h.overrides(ctx); err != nil {
		return Survey{}, err
	}
	return s, nil
}
