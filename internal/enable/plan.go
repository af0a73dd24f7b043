package enable

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"eic/internal/argv"
	"eic/internal/sshd"
)

// A plan is what Enable is going to do.
type plan struct {
	site
	entry sshd.Entry
	edits []edit
	// masks are the links that take drop-ins of systemd out of force.
	masks map[string][]byte
	notes []string
}

// decide finds the edits that the options ask for, or the conflict.
func (p *plan) decide(o Options) error {
	if err := p.decideUnits(o); err != nil {
		return err
	}
	if err := p.decideArguments(o); err != nil {
		return err
	}
	if err := p.entry.Check(); err != nil {
		return err
	}
	return p.decidePlace()
}

// decideArguments finds what our command is called with.
func (p *plan) decideArguments(o Options) error {
	if o.Keep && len(p.Ours) > 0 {
		p.entry.Args = p.Ours[0].Args
		return nil
	}
	for _, flag := range o.Flags {
		p.entry.Args = append(p.entry.Args, argv.Escape(flag))
	}
	if err := p.decideOther(o); err != nil {
		return err
	}
	p.noteLost()
	return nil
}

// decideOther deals with another command that is in force.
func (p *plan) decideOther(o Options) error {
	other, found := p.Bare.Global(sshd.KeysCommand)
	switch {
	case !found && o.Chain:
		p.chainAgain()
		return nil
	case !found:
		return nil
	case other.Match != "":
		return inMatchAll(other)
	case o.ReplaceInstanceConnect && sshd.IsAWSCommand(other.Value):
		p.notes = append(p.notes, fmt.Sprintf("the older package's command at %s stays behind ours and comes back with \"eic disable\"",
			sshd.Place(other.File, other.Line)))
		return nil
	case !o.Chain || strings.EqualFold(other.Value, "none") || sshd.IsAWSCommand(other.Value) || isOurProgram(other):
		return settingConflict(other)
	default:
		return p.chain(o, other)
	}
}

// chainAgain has ours go on running the command that it runs by now.
func (p *plan) chainAgain() {
	for _, flag := range p.flagsBefore() {
		if command, found := strings.CutPrefix(flag, "--chain="); found {
			p.entry.Args = append(p.entry.Args, "--chain", command)
			return
		}
	}
	p.notes = append(p.notes, "no other AuthorizedKeysCommand is in force, so there is none to chain; name one with --chain='COMMAND %u'")
}

// noteLost says which flags of our entry are no longer there, since some of them keep
// people out.
func (p *plan) noteLost() {
	now := joined(p.entry.Args)
	lost := slices.DeleteFunc(p.flagsBefore(), func(flag string) bool { return slices.Contains(now, flag) })
	if len(lost) > 0 {
		p.notes = append(p.notes, fmt.Sprintf(`these flags stood there and are gone, for "eic enable" writes only those it is given: %s`, argv.Quote(lost)))
	}
}

// flagsBefore are those of our entry as it was found.
func (p *plan) flagsBefore() []string {
	if len(p.Ours) == 0 {
		return nil
	}
	return joined(p.Ours[0].Args)
}

// joined writes each flag and its value as one argument.
func joined(args []string) []string {
	var flags []string
	for i := 0; i < len(args); i++ {
		flag := args[i]
		if strings.HasPrefix(flag, "--") && !strings.Contains(flag, "=") && i+1 < len(args) && !strings.HasPrefix(args[i+1], "--") {
			i++
			flag += "=" + args[i]
		}
		flags = append(flags, flag)
	}
	return flags
}

// chain has ours run another command after its own keys.
func (p *plan) chain(o Options, other sshd.Setting) error {
	if slices.ContainsFunc(o.Flags, func(f string) bool { return f == "--chain" || strings.HasPrefix(f, "--chain=") }) {
		return errors.New("chaining the command in force: another one to chain is given already")
	}
	flags, err := takeOver(other.Value)
	if err != nil {
		return fmt.Errorf("chaining the command of %s: %w", sshd.Place(other.File, other.Line), err)
	}
	p.entry.Args = append(p.entry.Args, flags...)
	if user, _ := p.Bare.Global(sshd.KeysCommandUser); user.Value != sshd.CommandUser {
		p.notes = append(p.notes, fmt.Sprintf("%s ran as %q and will run as %q, with what that user may read",
			sshd.Place(other.File, other.Line), user.Value, sshd.CommandUser))
	}
	return nil
}

// isOurProgram reports whether a line that is not ours runs this program.
func isOurProgram(s sshd.Setting) bool {
	args, err := argv.Split(s.Value)
	return err == nil && len(args) > 0 && args[0] == sshd.Program
}

func settingConflict(s sshd.Setting) error {
	e := &ConflictError{
		File: s.File, Line: s.Line, Command: s.Value,
		Problem: "AuthorizedKeysCommand is set already:",
		Remedy:  `run "eic enable --chain" for ours to run it after its own keys, or take the line out`,
	}
	switch {
	case strings.EqualFold(s.Value, "none"):
		e.Remedy = "somebody wants no such command here; take the line out if it is you who wants one"
	case sshd.IsAWSCommand(s.Value):
		e.Remedy = replaceOlder
	case isOurProgram(s):
		e.Remedy = `it is this program, set by hand, and works as it is; take the line out if "eic enable" is to manage it`
	}
	return e
}

// decidePlace finds where our block decides: where it stands, else in sshd.DropIn,
// else at the head of sshd_config. It never ends up inside a Match block, because
// there it would not be what holds for every connection.
func (p *plan) decidePlace() error {
	var spots []spot
	for _, b := range p.Ours {
		spots = append(spots, spot{b.File, true})
	}
	for _, s := range append(spots, spot{sshd.DropIn, false}, spot{p.Main, false}) {
		if s.file == sshd.VendorConfig {
			continue // it belongs to a package, and sshd ignores it once there is a file in /etc/ssh
		}
		changes, err := p.contents(s)
		if err != nil {
			return err
		}
		config, err := sshd.Read(p.Tree.With(changes), p.Main)
		if err != nil {
			return err
		}
		command, _ := config.Global(sshd.KeysCommand)
		user, _ := config.Global(sshd.KeysCommandUser)
		if at(command, s.file) && at(user, s.file) && command.Value == p.entry.Command() {
			return p.writes(s)
		}
	}
	return &ConflictError{
		File:    p.Main,
		Problem: "no line of ours would decide: this file does not include " + path.Dir(sshd.DropIn) + " before everything else",
		Remedy:  "have it include that folder at its head, or copy it to " + sshd.MainConfig,
	}
}

// A spot is a file for our block: where the block stands in it, or its head.
type spot struct {
	file string
	stay bool
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
	contents[to.file] = slices.Concat(p.entry.Text(), rest)
	return contents, nil
}

// writes plans the edits that put our block into a spot.
func (p *plan) writes(to spot) error {
	if to.file == sshd.DropIn {
		p.makeFolder(path.Dir(sshd.DropIn))
	}
	contents, err := p.contents(to) // once more: the folder is noted in the block
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
			p.edits = append(p.edits, edit{p.Tree.Resolve(name), before, after})
		}
	}
	return nil
}

// noteMatches says which logins keep a command, or its user, of their own.
func (p *plan) noteMatches() {
	for _, s := range p.Bare {
		name := sshd.DirectiveName(s.Keyword)
		if name != "" && s.Match != "" {
			p.notes = append(p.notes, fmt.Sprintf("%s: logins that match %q keep their own %s %q",
				sshd.Place(s.File, s.Line), s.Match, name, s.Value))
		}
	}
}
