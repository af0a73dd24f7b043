package enable

import (
	"context"
	"fmt"
	"os"

	"eic/internal/sshd"
)

// A hostState is a host with the contents of its files before any change.
type hostState struct {
	sshd.Survey
	host sshd.Host
	// awsUserIsGone is set if the user sshd.AWSUser does not exist.
	awsUserIsGone bool
}

func survey(ctx context.Context, h sshd.Host) (hostState, error) {
	s, err := h.Survey(ctx)
	return hostState{Survey: s, host: h.WithConfigFile(s.ConfigFile)}, err
}

// refuseEdited returns an error if somebody edited a block of eic's.
func (s hostState) refuseEdited() error {
	for _, b := range s.Blocks {
		if b.Edited {
			return s.editedConflict(b)
		}
	}
	return nil
}

// made returns what eic created for its blocks.
func (s hostState) made() []string {
	var made []string
	for _, b := range s.Blocks {
		made = append(made, b.Made...)
	}
	return made
}

// checkReading returns a conflict if sshd reports another command than its files set, or
// if a Match block applies to every login. In these cases eic cannot tell whether its own
// lines would apply.
func (s hostState) checkReading(ctx context.Context) error {
	written := sshd.Setting{Value: "none"}
	if set, found := s.Current.Global(sshd.KeysCommand); found {
		written = set
	}
	global, exact, err := s.host.AskGlobal(ctx)
	if err != nil {
		return fmt.Errorf("asking sshd for its current configuration: %w", err)
	}
	if command := global.Values[sshd.KeysCommand]; exact && !sshd.SameValue(command, written.Value) {
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
			return s.matchAllConflict(set)
		}
	}
	if !exact {
		return misreadConflict(written, anybody)
	}
	return s.matchAllConflict(sshd.Setting{Value: command})
}

// fileAt returns the file at a path. If it does not exist, mode is that of sshd_config: a
// distribution that makes sshd_config unreadable makes its drop-ins unreadable too.
func (s hostState) fileAt(name string) (node, error) {
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
