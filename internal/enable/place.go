package enable

import (
	"bytes"
	"maps"
	"path"
	"slices"

	"eic/internal/sshd"
)

// A position is a place for eic's block: the current place in a file, after a line of the
// file without the block, or at the start of the file.
type position struct {
	file      string
	keep      bool // the current place of the block
	afterLine int  // 0 means the start of the file
}

// decidePlace finds a place where eic's block applies: its current place, or else
// sshd.DropIn, or else sshd_config. The block is never placed inside a Match block,
// because it would not apply to every login there. It is never placed before an
// AuthorizedPrincipalsCommand that sshd would then ignore.
func (p *plan) decidePlace() error {
	for _, s := range p.positions() {
		if s.file == sshd.VendorConfig {
			continue // it belongs to a package, and sshd ignores it if /etc/ssh has a file
		}
		changes, err := p.contents(s)
		if err != nil {
			return err
		}
		config, err := sshd.Read(p.Tree.With(changes), p.Main, p.Version)
		if err != nil {
			return err
		}
		command, _ := config.Global(sshd.KeysCommand)
		user, _ := config.Global(sshd.KeysCommandUser)
		applies := isGlobalIn(command, s.file) && isGlobalIn(user, s.file) && command.Value == p.entry.Command() && user.Line == command.Line+1
		if applies && p.keepsPrincipals(config) {
			return p.planBlock(s)
		}
	}
	return p.noPositionConflict()
}

// positions returns the places to try, best first.
func (p *plan) positions() []position {
	var positions []position
	for _, b := range p.Blocks {
		positions = append(positions, position{file: b.File, keep: true})
	}
	positions = append(positions, position{file: sshd.DropIn})
	if principals, found := p.WithoutBlocks.Principals(p.Version); found {
		positions = append(positions, position{file: p.Main, afterLine: principals.MainLine})
	}
	return append(positions, position{file: p.Main})
}

// keepsPrincipals reports whether eic's lines leave the current
// AuthorizedPrincipalsCommand in effect.
func (p *plan) keepsPrincipals(config sshd.Config) bool {
	before, found := p.WithoutBlocks.Principals(p.Version)
	after, kept := config.Principals(p.Version)
	return !found || kept && after.Value == before.Value
}

// noPositionConflict returns the conflict if eic's block applies at no position.
func (p *plan) noPositionConflict() error {
	user, set := p.WithoutBlocks.Global(sshd.KeysCommandUser)
	if _, found := p.WithoutBlocks.Principals(p.Version); found && set && p.Version.Before(9, 4) {
		return &ConflictError{
			File: user.File, Line: user.Line, Command: user.Value,
			Problem: "eic's lines must come after AuthorizedPrincipalsCommand, which sshd before 9.4 would ignore otherwise, but this line before it sets AuthorizedKeysCommandUser",
			Run:     commentOut(user),
		}
	}
	return &ConflictError{
		File:    p.Main,
		Problem: "eic's lines would have no effect: this file does not include " + path.Dir(sshd.DropIn) + " before everything else",
		Advice:  "include that directory at the start of the file, or copy the file to " + sshd.MainConfig,
		Run:     "cp " + p.Main + " " + sshd.MainConfig,
	}
}

// isGlobalIn reports whether a directive is in a file, outside of Match blocks.
func isGlobalIn(s sshd.Setting, file string) bool {
	return s.File == file && s.Match == ""
}

// contents returns the files with eic's block at one position and nowhere else. nil means
// that the file is removed.
func (p *plan) contents(to position) (map[string][]byte, error) {
	contents := map[string][]byte{}
	for _, b := range p.Blocks {
		data, err := p.Tree.ReadFile(b.File)
		if err != nil {
			return nil, err
		}
		switch {
		case to.keep && b.File == to.file:
			contents[b.File] = b.Replace(data, p.entry.Text())
		case b.File == sshd.DropIn:
			contents[sshd.DropIn] = nil
		default:
			contents[b.File] = b.Cut(data)
		}
	}
	if to.keep {
		return contents, nil
	}
	rest, cut := contents[to.file]
	if !cut {
		var err error
		if rest, err = p.Tree.ReadIfThere(to.file); err != nil {
			return nil, err
		}
	}
	before, after := splitAfterLine(rest, to.afterLine)
	contents[to.file] = slices.Concat(before, p.entry.Text(), after)
	return contents, nil
}

// splitAfterLine splits a file after the line with the given number, or at its start for
// 0. It adds a missing newline to the last line.
func splitAfterLine(data []byte, line int) (before, after []byte) {
	end := 0
	for range line {
		length := bytes.IndexByte(data[end:], '\n')
		if length < 0 {
			return append(slices.Clone(data), '\n'), nil
		}
		end += length + 1
	}
	return data[:end:end], data[end:]
}

// planBlock plans the edits that put eic's block at a position.
func (p *plan) planBlock(to position) error {
	if to.file == sshd.DropIn {
		p.makeDirectory(path.Dir(sshd.DropIn))
	}
	contents, err := p.contents(to) // again, because the block now records the directory
	if err != nil {
		return err
	}
	if err := p.moveUsers(contents); err != nil {
		return err
	}
	if p.after, err = sshd.Read(p.Tree.With(contents), p.Main, p.Version); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		before, err := p.fileAt(name)
		if err != nil {
			return err
		}
		after := node{kind: file, data: contents[name], mode: before.mode}
		if after.data == nil {
			after = node{}
		}
		if string(before.data) != string(after.data) {
			p.edits = append(p.edits, edit{p.Tree.Resolve(name), before, after})
		}
	}
	return nil
}
