package sshdconfig

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"eic/internal/sshdconfig/argv"
)

// A plan is what Enable is going to do.
type plan struct {
	survey
	entry entry
	edits []edit
	// masks are the links that take drop-ins of systemd out of force.
	masks map[string][]byte
	notes []string
}

// decide finds the edits that the options ask for, or the conflict.
func (p *plan) decide(o Options) error {
	for _, flag := range o.Flags {
		p.entry.args = append(p.entry.args, argv.Escape(flag))
	}
	if err := p.decideUnits(o); err != nil {
		return err
	}
	if err := p.decideCommand(o); err != nil {
		return err
	}
	if err := p.entry.check(); err != nil {
		return err
	}
	return p.decidePlace()
}

// decideCommand deals with the command that sshd_config sets without us.
func (p *plan) decideCommand(o Options) error {
	other, found := p.bare.Global(keysCommand)
	if !found {
		return nil
	}
	if other.Match != "" {
		return other.inMatchAll()
	}
	user, _ := p.bare.Global(keysCommandUser)
	if o.ReplaceInstanceConnect && ofInstanceConnect(other.Value) && user.Value == olderUser {
		p.notes = append(p.notes, fmt.Sprintf("the older package's command at %s stays behind ours and comes back with \"eic disable\"",
			place(other.File, other.Line)))
		return nil
	}
	if !o.Chain || strings.EqualFold(other.Value, "none") {
		return other.conflict()
	}
	chain, err := takeOver(other.Value)
	if err != nil {
		return fmt.Errorf("chaining the command of %s: %w", place(other.File, other.Line), err)
	}
	if slices.ContainsFunc(o.Flags, func(f string) bool { return strings.HasPrefix(f, "--chain") }) {
		return errors.New("chaining the command in force: another one to chain is given already")
	}
	p.entry.args = append(p.entry.args, chain...)
	if user.Value != CommandUser {
		p.notes = append(p.notes, fmt.Sprintf("%s ran as %q and will run as %q, with what that user may read", place(other.File, other.Line), user.Value, CommandUser))
	}
	return nil
}

func (s Setting) conflict() error {
	e := &ConflictError{
		File: s.File, Line: s.Line, Command: s.Value,
		Problem: "AuthorizedKeysCommand is set already:",
		Remedy:  `run "eic enable --chain" for ours to run it after its own keys, or take the line out`,
	}
	args, err := argv.Split(s.Value)
	switch {
	case strings.EqualFold(s.Value, "none"):
		e.Remedy = "somebody wants no such command here; take the line out if it is you who wants one"
	case ofInstanceConnect(s.Value):
		e.Remedy = replaceOlder
	case err == nil && len(args) > 0 && args[0] == Program:
		e.Remedy = `it is this program, set by hand, and works as it is; take the line out if "eic enable" is to manage it`
	}
	return e
}

// decidePlace finds where our block decides: where it stands, else DropIn, else
// the head of sshd_config. It never ends up inside a Match block, because there
// it would not be what holds for every connection.
func (p *plan) decidePlace() error {
	files := []string{DropIn, p.main}
	if len(p.ours) > 0 && p.ours[0].file == p.main {
		files = []string{p.main, DropIn}
	}
	for _, name := range files {
		if name == vendorConfig {
			continue // it belongs to a package, and sshd ignores it once there is a file in /etc/ssh
		}
		changes, err := p.contents(name)
		if err != nil {
			return err
		}
		config, err := read(p.tree.with(changes), p.main)
		if err != nil {
			return err
		}
		command, _ := config.Global(keysCommand)
		user, _ := config.Global(keysCommandUser)
		if command.at(name) && user.at(name) && command.Value == p.entry.command() {
			return p.writes(name)
		}
	}
	first, _ := p.bare.Global(keysCommandUser)
	return &ConflictError{
		File: first.File, Line: first.Line,
		Problem: "no place was found where a line of ours would decide: sshd_config does not include " + path.Dir(DropIn) +
			", a Match block comes before, or AuthorizedKeysCommandUser is set already",
		Remedy: "include that folder at the head of sshd_config",
	}
}

// at reports whether a directive stands in a file and in no Match block.
func (s Setting) at(file string) bool {
	return s.File == file && s.Match == ""
}

// contents returns the files as they have to be for our block to stand in name
// and nowhere else; nil is for a file to remove.
func (p *plan) contents(name string) (map[string][]byte, error) {
	contents := map[string][]byte{}
	for _, b := range p.ours {
		data, err := p.tree.readFile(b.file)
		if err != nil {
			return nil, err
		}
		switch b.file {
		case name:
			contents[name] = b.replace(data, p.entry.text())
		case DropIn:
			contents[DropIn] = nil
		default:
			contents[b.file] = b.cut(data)
		}
	}
	if contents[name] != nil {
		return contents, nil
	}
	data, err := readIfThere(p.tree, name)
	if err != nil {
		return nil, err
	}
	contents[name] = slices.Concat(p.entry.text(), data)
	return contents, nil
}

// writes plans the edits that put our block into name.
func (p *plan) writes(name string) error {
	if name == DropIn {
		p.makeFolder(path.Dir(DropIn))
	}
	contents, err := p.contents(name) // once more: the folder is noted in the block
	if err != nil {
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
			p.edits = append(p.edits, edit{p.tree.resolve(name), before, after})
		}
	}
	return nil
}

// noteMatches says which logins keep a command of their own.
func (p *plan) noteMatches() {
	for _, s := range p.bare.Conditional(keysCommand) {
		p.notes = append(p.notes, fmt.Sprintf("%s: logins that match %q keep their own AuthorizedKeysCommand %q",
			place(s.File, s.Line), s.Match, s.Value))
	}
}
