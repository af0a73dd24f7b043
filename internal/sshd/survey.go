package sshd

import "context"

// A Survey is what stands in a host's files.
type Survey struct {
	Tree Tree
	// Main is the file sshd starts with.
	Main string
	// Ours are our blocks: one as a rule, none before enable.
	Ours []Block
	// Now is the configuration as it is, Bare as it would be without our blocks.
	Now, Bare Config
	// Overrides are the options on sshd's command line.
	Overrides []Override
	// Version is that of sshd, which decides how it reads the files.
	Version Version
}

// Survey reads sshd_config, all it includes and the units that start sshd. It
// asks sshd for nothing but its version. The error wraps ErrNoServer where there is no sshd_config.
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
