package sshdconfig

import (
	"context"
	"fmt"
	"os"
)

// A survey is what stands in the files before anything is changed.
type survey struct {
	tree tree
	// main is the file sshd starts with.
	main string
	// ours are our blocks: one as a rule, none before enable.
	ours []block
	// now is the configuration as it is, bare as it would be without our blocks.
	now, bare Config
	overrides []override
}

func (h Host) survey() (survey, error) {
	s := survey{tree: h.tree()}
	var err error
	if s.main, err = mainFile(s.tree); err != nil {
		return survey{}, err
	}
	without := map[string][]byte{}
	for _, name := range []string{DropIn, s.main} {
		data, err := readIfThere(s.tree, name)
		if err != nil {
			return survey{}, err
		}
		b, found := findBlock(name, data)
		if data == nil || !found {
			continue
		}
		s.ours = append(s.ours, b)
		without[name] = b.cut(data)
		if name == DropIn {
			without[name] = nil
		}
	}
	if s.now, err = read(s.tree, s.main); err != nil {
		return survey{}, err
	}
	if s.bare, err = read(s.tree.with(without), s.main); err != nil {
		return survey{}, err
	}
	if s.overrides, err = overrides(s.tree); err != nil {
		return survey{}, err
	}
	return s, nil
}

// untouched refuses to go on when somebody edited a block of ours.
func (s survey) untouched() error {
	for _, b := range s.ours {
		if b.edited {
			return &ConflictError{
				File: b.file, Line: b.line,
				Problem: `this is not, or no longer, what "eic enable" wrote`,
				Remedy:  "keep what you need of it elsewhere, remove it by hand and try again",
			}
		}
	}
	return nil
}

// made returns what exists because of our blocks.
func (s survey) made() []string {
	var made []string
	for _, b := range s.ours {
		made = append(made, b.entry.made...)
	}
	return made
}

// confirmed asks sshd whether it reads the files as we do, and whether a Match
// block decides for everybody. Without that nothing can be said about which
// line is in force, nor that ours would be.
func (h Host) confirmed(ctx context.Context, s survey) error {
	values, err := h.effective(ctx, nil)
	if err != nil {
		return fmt.Errorf("asking sshd for its configuration as it is: %w", err)
	}
	command, written := values[keysCommand], Setting{Value: "none"}
	if set, found := s.now.global(keysCommand); found {
		written = set
	}
	if !sameValue(command, written.Value) {
		return &ConflictError{
			Command: command,
			File:    written.File, Line: written.Line,
			Problem: fmt.Sprintf("expected sshd to have AuthorizedKeysCommand %q from its files, it reports", written.Value),
			Remedy:  "see what else configures this sshd",
		}
	}
	return h.forEverybody(ctx, s.now, command)
}

// forEverybody makes sure that a login nothing is known about gets the global
// command.
func (h Host) forEverybody(ctx context.Context, config Config, command string) error {
	values, err := h.effective(ctx, new(Anybody()))
	if err != nil {
		return fmt.Errorf("asking sshd for its configuration for a login: %w", err)
	}
	if values[keysCommand] == command {
		return nil
	}
	for _, set := range config.conditional(keysCommand) {
		if sameValue(values[keysCommand], set.Value) {
			return set.inMatchAll()
		}
	}
	return Setting{Value: values[keysCommand]}.inMatchAll()
}

// inMatchAll is the conflict with a directive that outranks whatever stands
// outside of its Match block.
func (s Setting) inMatchAll() error {
	return &ConflictError{
		File: s.File, Line: s.Line, Command: s.Value,
		Problem: "a Match block that holds for every login sets AuthorizedKeysCommand",
		Remedy:  "move the line out of the block, or narrow the block down",
	}
}

// fileAt returns what is at a path now; its mode is that of sshd_config when
// there is nothing, because a distribution that hides one hides both.
func (s survey) fileAt(name string) (node, error) {
	data, err := readIfThere(s.tree, name)
	if err != nil {
		return node{}, err
	}
	where := name
	n := node{kind: file, data: data}
	if data == nil {
		n.kind, where = nothing, s.main
	}
	info, err := os.Stat(s.tree.host(s.tree.resolve(where)))
	if err != nil {
		return node{}, err
	}
	n.mode = info.Mode().Perm()
	return n, nil
}
