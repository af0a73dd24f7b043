package enable

import (
	"bytes"
	"maps"
	"path"
	"slices"

	"eic/internal/sshd"
)

// A spot is a place for our block: where the block stands in a file, behind a
// line of the file without our block, or at its head.
type spot struct {
	file   string
	stay   bool
	behind int
}

// decidePlace finds where our block decides: where it stands, else in
// sshd.DropIn, else in sshd_config. It never ends up inside a Match block, because
// there it would not be what holds for every connection, and never in front of
// an AuthorizedPrincipalsCommand that sshd would then ignore.
func (p *plan) decidePlace() error {
	for _, s := range p.spots() {
		if s.file == sshd.VendorConfig {
			continue // it belongs to a package, and sshd ignores it once there is a file in /etc/ssh
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
	return p.nowhere()
}

// spots returns the places to try, the best first.
func (p *plan) spots() []spot {
	var spots []spot
	for _, b := range p.Ours {
		spots = append(spots, spot{file: b.File, stay: true})
	}
	spots = append(spots, spot{file: sshd.DropIn})
	if principals, found := p.Bare.Principals(p.Version); found {
		spots = append(spots, spot{file: p.Main, behind: principals.MainLine})
	}
	return append(spots, spot{file: p.Main})
}

// keepsPrincipals reports whether the AuthorizedPrincipalsCommand that is in
// force without our lines is in force with them.
func (p *plan) keepsPrincipals(config sshd.Config) bool {
	before, found := p.Bare.Principals(p.Version)
	after, kept := config.Principals(p.Version)
	return !found || kept && after.Value == before.Value
}

// nowhere is the conflict where no spot will do.
func (p *plan) nowhere() error {
	user, set := p.Bare.Global(sshd.KeysCommandUser)
	if _, found := p.Bare.Principals(p.Version); found && set && p.Version.Before(9, 4) {
		return &ConflictError{
			File: user.File, Line: user.Line, Command: user.Value,
			Problem: "our lines have to stand behind AuthorizedPrincipalsCommand, which sshd before 9.4 ignores otherwise, but this line before it sets AuthorizedKeysCommandUser",
			Run:     commentOut(user),
		}
	}
	return &ConflictError{
		File:    p.Main,
		Problem: "no line of ours would decide: this file does not include " + path.Dir(sshd.DropIn) + " before everything else",
		Advice:  "have it include that directory at its head, or copy it to " + sshd.MainConfig,
		Run:     "cp " + p.Main + " " + sshd.MainConfig,
	}
}

// at reports whether a directive stands in a file and in no Match block.
func at(s sshd.Setting, file string) bool {
	return s.File == file && s.Match == ""
}

// contents returns the files as they have to be for our block to stand in one
// spot and nowhere else; nil is for a file to remove.
func (p *plan) contents(to spot) (map[string][]byte, error) {
	contents := map[string][]byte{}
	for _, b := range p.Ours {
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
	before, after := cutBehind(rest, to.behind)
	contents[to.file] = slices.Concat(before, p.entry.Text(), after)
	return contents, nil
}

// cutBehind cuts a file behind the line of a number, 0 for its head. A last
// line gets the newline that it lacks.
func cutBehind(data []byte, line int) (before, after []byte) {
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

// writes plans the edits that put our block into a spot.
func (p *plan) writes(to spot) error {
	if to.file == sshd.DropIn {
		p.makeDirectory(path.Dir(sshd.DropIn))
	}
	contents, err := p.contents(to) // once more: the directory is noted in the block
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
