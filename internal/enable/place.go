package enable

import (
	"bytes"
	"maps"
	"path"
	"slices"

	"eic/internal/sshd"
)

// A spot is a place for eic's block: the current place in a file, after a line of the
// file without the block, or at the start of the file.
type spot struct {
	file   string
	stay   bool
	behind int
}

// decidePlace finds a place where eic's block applies: its current place, or else
// sshd.DropIn, or else sshd_config. The block is never placed inside a Match block,
// because it would not apply to every login there. It is never placed before an
// AuthorizedPrincipalsCommand that sshd would then ignore.
func (p *plan) decidePlace() error {
	for _, s := range p.spots() {
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
		ours := at(command, s.file) && at(user, s.file) && command.Value == p.entry.Command() && user.Line == command.Line+1
		if ours && p.keepsPrincipals(config) {
			return p.writes(s)
		}
	}
	return p.noSpotConflict()
}

// spots returns the places to try, best first.
func (p *plan) spots() []spot {
	var spots []spot
	for _, b := range p.Blocks {
		spots = append(spots, spot{file: b.File, stay: true})
	}
	spots = append(spots, spot{file: sshd.DropIn})
	if principals, found := p.WithoutBlocks.Principals(p.Version); found {
		spots = append(spots, spot{file: p.Main, behind: principals.MainLine})
	}
	return append(spots, spot{file: p.Main})
}

// keepsPrincipals reports whether eic's lines leave the current
// AuthorizedPrincipalsCommand in effect.
func (p *plan) keepsPrincipals(config sshd.Config) bool {
	before, found := p.WithoutBlocks.Principals(p.Version)
	after, kept := config.Principals(p.Version)
	return !found || kept && after.Value == before.Value
}

// noSpotConflict returns the conflict if no spot is possible.
func (p *plan) noSpotConflict() error {
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
		Advice:  "include that directory at its start, or copy it to " + sshd.MainConfig,
		Run:     "cp " + p.Main + " " + sshd.MainConfig,
	}
}

// at reports whether a directive is in a file, outside of Match blocks.
func at(s sshd.Setting, file string) bool {
	return s.File == file && s.Match == ""
}

// contents returns the files with eic's block in one spot and nowhere else; nil means to
// remove a file.
func (p *plan) contents(to spot) (map[string][]byte, error) {
	contents := map[string][]byte{}
	for _, b := range p.Blocks {
		data, err := p.Tree.ReadFile(b.File)
		if err != nil {
			return nil, err
		}
		switch {
		case to.stay && b.File == to.file:
			contents[b.File] = b.Replace(data, p.entry.Text())
		case b.File == sshd.DropIn:
			contents[sshd.DropIn] = nil
		default:
			contents[b.File] = b.Cut(data)
		}
	}
	if to.stay {
		return contents, nil
	}
	rest, cut := contents[to.file]
	if !cut {
		var err error
		if rest, err = p.Tree.ReadIfThere(to.file); err != nil {
			return nil, err
		}
	}
	before, after := splitAfterLine(rest, to.behind)
	contents[to.file] = slices.Concat(before, p.entry.Text(), after)
	return contents, nil
}

// splitAfterLine splits a file after the line with the given number, or at its start for 0. It
// adds a missing newline to the last line.
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

// writes plans the edits that put eic's block into a spot.
func (p *plan) writes(to spot) error {
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
