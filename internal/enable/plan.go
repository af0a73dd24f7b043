package enable

import (
	"errors"
	"slices"
	"strings"

	"eic/internal/argv"
	"eic/internal/sshd"
)

// A plan holds the changes that Add is going to make.
type plan struct {
	hostState
	entry sshd.Entry
	edits []edit
	// masks are the links that mask drop-ins of systemd.
	masks map[string][]byte
	// after is the configuration after the change.
	after sshd.Config
	// replaced and chained are AuthorizedKeysCommand lines of somebody else. They stay in
	// their files, after eic's.
	replaced, chained sshd.Setting
	// chainedUser is the user that the chained command runs as, before and after the change.
	chainedUser string
	// moved and notMoved are lines in Match blocks that name AWS's user. moved are those to
	// change, notMoved those for a command other than eic's.
	moved, notMoved []sshd.Setting
	notes           []string
	// keyOptions are Options.KeyOptions.
	keyOptions string
}

// plan finds the edits for the options. The error is a *ConflictError if another
// configuration is in the way.
func (s hostState) plan(o Options) (*plan, error) {
	p := &plan{hostState: s, entry: sshd.Entry{Made: s.made()}, keyOptions: o.KeyOptions}
	return p, p.decide(o)
}

// decide finds the edits for the options, or the conflict.
func (p *plan) decide(o Options) error {
	p.decideMoves(o)
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

// decideArguments finds the arguments of eic's command.
func (p *plan) decideArguments(o Options) error {
	if o.Keep && len(p.Blocks) > 0 {
		p.entry.Args, p.entry.User = p.Blocks[0].Args, p.Blocks[0].User
		return nil
	}
	if o.Saved != nil {
		p.entry.Args, p.entry.User = o.Saved.Args, o.Saved.User
		return nil
	}
	for _, flag := range o.Flags {
		p.entry.Args = append(p.entry.Args, argv.Escape(flag))
	}
	if err := p.decideOtherCommand(o); err != nil {
		return err
	}
	if err := p.checkConfined(o); err != nil {
		return err
	}
	return p.refuseLoss(o)
}

// decideOtherCommand handles another command that applies.
func (p *plan) decideOtherCommand(o Options) error {
	other, found := p.WithoutBlocks.Global(sshd.KeysCommand)
	switch {
	case !found && o.Chain:
		p.keepChained()
		return nil
	case !found:
		return nil
	case other.Match != "":
		return p.matchAllConflict(other)
	case o.ReplaceInstanceConnect && sshd.IsAWSCommand(other.Value):
		p.replaced = other
		return nil
	case !o.Chain || strings.EqualFold(other.Value, "none") || sshd.IsAWSCommand(other.Value) || callsEic(other):
		return p.settingConflict(other)
	default:
		return p.chain(o, other)
	}
}

// keepChained keeps the command that eic already chains, with the same user.
func (p *plan) keepChained() {
	var kept []string
	for _, flag := range p.currentFlags() {
		name, value, _ := strings.Cut(flag, "=")
		if name == "--chain" || name == runAsFlag {
			kept = append(kept, name, value)
		}
	}
	if slices.Contains(kept, "--chain") {
		p.entry.Args, p.entry.User = append(p.entry.Args, kept...), p.Blocks[0].User
		return
	}
	p.notes = append(p.notes, "found no other AuthorizedKeysCommand to chain; to chain a command, give --chain='COMMAND %u'")
}

// refuseLoss refuses to drop flags of eic's entry, because some of them restrict access.
// A flag that is given again with another value is not dropped.
func (p *plan) refuseLoss(o Options) error {
	now := joinFlags(p.entry.Args)
	lost := slices.DeleteFunc(p.currentFlags(), func(flag string) bool {
		name, _, _ := strings.Cut(flag, "=")
		given := func(other string) bool { return other == name || strings.HasPrefix(other, name+"=") }
		return slices.Contains(now, flag) || !isRepeatable(name) && slices.ContainsFunc(now, given)
	})
	switch {
	case len(lost) == 0:
		return nil
	case o.Replace:
		p.notes = append(p.notes, "these flags were dropped: "+argv.Quote(lost))
		return nil
	}
	return &ConflictError{
		File: p.Blocks[0].File, Line: p.Blocks[0].Line,
		Problem: "these flags would be dropped: " + argv.Quote(lost),
		lost:    lost,
	}
}

// isRepeatable reports whether a flag may be given several times with different values.
func isRepeatable(name string) bool {
	return slices.Contains([]string{"--domain", "--deny-user", "--allow-user", "--require-caller", "--allow"}, name)
}

// currentFlags returns the flags of eic's current entry.
func (p *plan) currentFlags() []string {
	if len(p.Blocks) == 0 {
		return nil
	}
	return joinFlags(p.Blocks[0].Args)
}

// joinFlags writes each flag and its value as one argument.
func joinFlags(args []string) []string {
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

// chain has eic run another command in addition.
func (p *plan) chain(o Options, other sshd.Setting) error {
	if slices.ContainsFunc(o.Flags, isChainFlag) {
		return errors.New("chaining the current AuthorizedKeysCommand: the flag --chain already gives another command")
	}
	flags, err := chainArguments(other.Value)
	if err != nil {
		return scriptConflict(other, err)
	}
	p.chained, p.chainedUser = other, sshd.CommandUser
	if user, found := p.WithoutBlocks.Global(sshd.KeysCommandUser); found && user.Value != sshd.CommandUser {
		p.chainedUser, p.entry.User = user.Value, user.Value
	}
	if p.chainedUser == "root" {
		flags = append([]string{runAsFlag, sshd.CommandUser}, flags...)
	}
	p.entry.Args = append(p.entry.Args, flags...)
	return nil
}

// runAsFlag names the user that eic switches to if the chained command runs as root.
const runAsFlag = "--run-as"

// callsEic reports whether an AuthorizedKeysCommand outside of eic's block runs eic.
func callsEic(s sshd.Setting) bool {
	args, err := argv.Split(s.Value)
	return err == nil && len(args) > 0 && args[0] == sshd.Program
}
