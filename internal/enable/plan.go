package enable

import (
	"errors"
	"slices"
	"strings"

	"eic/internal/argv"
	"eic/internal/sshd"
)

// A plan is what Add is going to do.
type plan struct {
	site
	entry sshd.Entry
	edits []edit
	// masks are the links that take drop-ins of systemd out of force.
	masks map[string][]byte
	// after is the configuration as it will be.
	after sshd.Config
	// replaced and chained are somebody else's lines that stay behind ours.
	replaced, chained sshd.Setting
	// chainedUser is the user that chained ran as, and will run as.
	chainedUser string
	// moved and left are lines of Match blocks that name AWS's user: those to
	// change, and those that run a command that is not ours.
	moved, left []sshd.Setting
	notes       []string
	// keyOptions are Options.KeyOptions.
	keyOptions string
}

// plan finds what the options ask for. The error is a *ConflictError where
// somebody else's configuration is in the way.
func (s site) plan(o Options) (*plan, error) {
	p := &plan{site: s, entry: sshd.Entry{Made: s.made()}, keyOptions: o.KeyOptions}
	return p, p.decide(o)
}

// decide finds the edits that the options ask for, or the conflict.
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

// decideArguments finds what our command is called with.
func (p *plan) decideArguments(o Options) error {
	if o.Keep && len(p.Ours) > 0 {
		p.entry.Args, p.entry.User = p.Ours[0].Args, p.Ours[0].User
		return nil
	}
	if o.Saved != nil {
		p.entry.Args, p.entry.User = o.Saved.Args, o.Saved.User
		return nil
	}
	for _, flag := range o.Flags {
		p.entry.Args = append(p.entry.Args, argv.Escape(flag))
	}
	if err := p.decideOther(o); err != nil {
		return err
	}
	if err := p.checkConfined(o); err != nil {
		return err
	}
	return p.refuseLoss(o)
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
		return p.inMatchAll(other)
	case o.ReplaceInstanceConnect && sshd.IsAWSCommand(other.Value):
		p.replaced = other
		return nil
	case !o.Chain || strings.EqualFold(other.Value, "none") || sshd.IsAWSCommand(other.Value) || isOurProgram(other):
		return p.settingConflict(other)
	default:
		return p.chain(o, other)
	}
}

// chainAgain has ours go on running the command that it runs by now, as the same user.
func (p *plan) chainAgain() {
	var kept []string
	for _, flag := range p.flagsBefore() {
		name, value, _ := strings.Cut(flag, "=")
		if name == "--chain" || name == runAsFlag {
			kept = append(kept, name, value)
		}
	}
	if slices.Contains(kept, "--chain") {
		p.entry.Args, p.entry.User = append(p.entry.Args, kept...), p.Ours[0].User
		return
	}
	p.notes = append(p.notes, "no other AuthorizedKeysCommand is in force, so there is none to chain; name one with --chain='COMMAND %u'")
}

// refuseLoss refuses to leave out flags of our entry, since some of them keep people
// out. A flag that is given again, with another value, is not left out.
func (p *plan) refuseLoss(o Options) error {
	now := joined(p.entry.Args)
	lost := slices.DeleteFunc(p.flagsBefore(), func(flag string) bool {
		name, _, _ := strings.Cut(flag, "=")
		given := func(other string) bool { return other == name || strings.HasPrefix(other, name+"=") }
		return slices.Contains(now, flag) || !addsUp(name) && slices.ContainsFunc(now, given)
	})
	switch {
	case len(lost) == 0:
		return nil
	case o.Replace:
		p.notes = append(p.notes, "these flags stood there and are gone: "+argv.Quote(lost))
		return nil
	}
	return &ConflictError{
		File: p.Ours[0].File, Line: p.Ours[0].Line,
		Problem: "these flags stand there and would be gone: " + argv.Quote(lost),
		lost:    lost,
	}
}

// addsUp reports whether a flag may be given several times, each for itself.
func addsUp(name string) bool {
	return slices.Contains([]string{"--domain", "--deny-user", "--allow-user", "--require-caller", "--allow"}, name)
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
	if slices.ContainsFunc(o.Flags, isChainFlag) {
		return errors.New("chaining the command in force: another one to chain is given already")
	}
	flags, err := takeOver(other.Value)
	if err != nil {
		return needsScript(other, err)
	}
	p.chained, p.chainedUser = other, sshd.CommandUser
	if user, found := p.Bare.Global(sshd.KeysCommandUser); found && user.Value != sshd.CommandUser {
		p.chainedUser, p.entry.User = user.Value, user.Value
	}
	if p.chainedUser == "root" {
		flags = append([]string{runAsFlag, sshd.CommandUser}, flags...)
	}
	p.entry.Args = append(p.entry.Args, flags...)
	return nil
}

// runAsFlag names the user that eic becomes where the command that it chains is root's.
const runAsFlag = "--run-as"

// isOurProgram reports whether a line that is not ours runs this program.
func isOurProgram(s sshd.Setting) bool {
	args, err := argv.Split(s.Value)
	return err == nil && len(args) > 0 && args[0] == sshd.Program
}
