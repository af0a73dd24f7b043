package enable

import (
	"context"
	"fmt"
	"os"

	"eic/internal/sshd"
)

// A site is a host with the contents of its files before any change.
type site struct {
	sshd.Survey
	host sshd.Host
	// awsUserIsGone is set if the user sshd.AWSUser does not exist.
	awsUserIsGone bool
}

func survey(ctx context.Context, h sshd.Host) (site, error) {
	s, err := h.Survey(ctx)
	return site{Survey: s, host: h.WithConfigFile(s.ConfigFile)}, err
}

// untouched returns an error if somebody edited a block of eic's.
func (s site) untouched() error {
	for _, b := range s.Blocks {
		if b.Edited {
			return s.editedConflict(b)
		}
	}
	return nil
}

// made returns what eic created for its blocks.
func (s site) made() []string {
	var made []string
	for _, b := range s.Blocks {
		made = append(made, b.Made...)
	}
	return made
}

// confirmed asks sshd whether it reads the files as this program does, and whether a
// Match block applies to everybody. Otherwise enable cannot say which line applies, or
// whether eic's would.
func (s site) confirmed(ctx context.Context) error {
	written := sshd.Setting{Value: "none"}
	if set, found := s.Current.Global(sshd.KeysCommand); found {
		written = set
	}
	global, whole, err := s.host.AskGlobal(ctx)
	if err != nil {
		return fmt.Errorf("asking sshd for its configuration as it is: %w", err)
	}
	if command := global.Values[sshd.KeysCommand]; whole && !sshd.SameValue(command, written.Value) {
		return misreadConflict(written, global)
	}
	anybody, err := s.host.Ask(ctx, sshd.Anybody())
	if err != nil {
		return fmt.Errorf("asking sshd for its configuration for a login: %w", err)
	}
	command := anybody.Values[sshd.KeysCommand]
	if sshd.SameValue(command, written.Value) {
		return nil
	}
	for _, set := range s.Current.InMatch(sshd.KeysCommand) {
		if sshd.SameValue(command, set.Value) {
			return s.inMatchAll(set)
		}
	}
	if !whole {
		return misreadConflict(written, anybody)
	}
	return s.inMatchAll(sshd.Setting{Value: command})
}

// fileAt returns what is at a path now. If there is nothing, the mode is that of
// sshd_config, because a distribution that hides one hides both.
func (s site) fileAt(name string) (node, error) {
	data, err := s.Tree.ReadIfThere(name)
	if err != nil {
		return node{}, err
	}
	where := name
	n := node{kind: file, data: data}
	if data == nil {
		n.kind, where = nothing, s.Main
	}
	info, err := os.Stat(s.Tree.HostPath(s.Tree.Resolve(where)))
	if err != nil {
		return node{}, err
	}
	n.mode = info.Mode().Perm()
	return n, nil
}
