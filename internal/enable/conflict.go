package enable

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"eic/internal/argv"
	"eic/internal/selinux"
	"eic/internal/sshd"
)

// A ConflictError means that another configuration is in the way and that nothing was
// changed.
type ConflictError struct {
	// File and Line say where that configuration is, with the path that sshd uses. File
	// is empty for a value that sshd reports but no line sets. Line is 0 if the whole
	// file is meant.
	File string
	Line int
	// Command is the other command, as written. It is empty if the conflict is not about
	// a command.
	Command string
	// Problem says what was found. Advice, if not empty, says what to consider before
	// changing it.
	Problem, Advice string
	// Write is what the line should say instead. It is empty if Run alone resolves the
	// conflict.
	Write string
	// Run is the shell command that resolves the conflict.
	Run string

	// lost are the flags of eic's entry that would be dropped, as written there.
	lost []string
	// replace is set if Run may also need --replace-ec2-instance-connect.
	replace bool
	// script is set if the other command can only be chained through a script.
	script bool
	// manual is set if no "eic enable" command resolves the conflict.
	manual bool
	// confined is set if SELinux would confine the command to be chained.
	confined bool
}

// Error returns everything on one line, which ends with what to do.
func (e *ConflictError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(sshd.Place(e.File, e.Line) + ": ")
	}
	b.WriteString(e.Problem)
	if e.Command != "" {
		fmt.Fprintf(&b, " %q", e.Command)
	}
	for _, part := range []struct{ before, text string }{{"; ", e.Advice}, {"; write there instead: ", e.Write}, {"; run: ", e.Run}} {
		if part.text != "" {
			b.WriteString(part.before + part.text)
		}
	}
	return b.String()
}

// withResolution completes a conflict of a plan with the one command that succeeds. That
// is "eic enable" with more options if some combination succeeds. Otherwise it is the
// command that removes the conflict, followed by "eic enable".
func (s hostState) withResolution(o Options, err error) error {
	var c *ConflictError
	if errors.As(err, &c) && c.lost != nil {
		c.Advice, c.Run = "add --replace to drop them, or keep them", enableCommand(o.keeping(c.lost))
		return err
	}
	if errors.As(err, &c) {
		others := moreOptions(o)
		if c.confined || c.script {
			others = nil
		}
		for _, more := range others {
			_, failed := s.plan(more)
			if failed == nil {
				c.Advice, c.Write, c.Run = "", "", enableCommand(more)
				return err
			}
			if next := new(ConflictError); errors.As(failed, &next) && (next.confined || next.script) {
				more.SELinuxAllowsChain = more.SELinuxAllowsChain || next.confined
				return withCommand(failed, enableCommand(more))
			}
		}
		o.ReplaceInstanceConnect = o.ReplaceInstanceConnect || c.replace
		o.SELinuxAllowsChain = o.SELinuxAllowsChain || c.confined
	}
	return withCommand(err, enableCommand(o))
}

// keeping returns the options, completed with flags of eic's entry that they would drop.
func (o Options) keeping(lost []string) Options {
	var kept []string
	for _, flag := range lost {
		if name, _, _ := strings.Cut(flag, "="); name == "--chain" || name == runAsFlag {
			o.Chain = true // keeps the command that eic already chains
			continue
		}
		kept = append(kept, strings.ReplaceAll(flag, "%%", "%"))
	}
	o.Flags = append(kept, o.Flags...)
	return o
}

// withCommand adds command to the commands that resolve a conflict, as the last one.
func withCommand(err error, command string) error {
	var c *ConflictError
	if errors.As(err, &c) && !c.manual {
		if c.Run != "" {
			command = c.Run + " && " + command
		}
		c.Run = command
	}
	return err
}

// moreOptions returns combinations of options that may resolve a conflict, the smallest
// first. Options that chain the current command leave out a given --chain=COMMAND, because
// eic chains only one command.
func moreOptions(o Options) []Options {
	var more []Options
	for _, add := range []struct{ chain, replace bool }{{false, true}, {true, false}, {true, true}} {
		next := o
		next.Chain = o.Chain || add.chain
		next.ReplaceInstanceConnect = o.ReplaceInstanceConnect || add.replace
		if add.chain {
			next.Flags = slices.DeleteFunc(slices.Clone(o.Flags), isChainFlag)
		}
		more = append(more, next)
	}
	return more
}

func isChainFlag(flag string) bool { return flag == "--chain" || strings.HasPrefix(flag, "--chain=") }

// enableCommand returns the shell command "eic enable" with the options.
func enableCommand(o Options) string {
	words := []string{"eic", "enable"}
	for _, option := range []struct {
		name string
		set  bool
	}{{"--keep", o.Keep}, {"--replace", o.Replace}, {"--replace-ec2-instance-connect", o.ReplaceInstanceConnect}, {"--selinux-allows-chain", o.SELinuxAllowsChain}, {"--chain", o.Chain}} {
		if option.set {
			words = append(words, option.name)
		}
	}
	for _, flag := range o.Flags {
		words = append(words, shellQuote(flag))
	}
	return strings.Join(words, " ")
}

func shellQuote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_=./:,@%+", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// commentOut returns the command that comments out lines of one file.
func commentOut(lines ...sshd.Setting) string {
	command := "sed -i"
	for _, s := range lines {
		command += fmt.Sprintf(" -e '%ds/^/#/'", s.Line)
	}
	return command + " " + shellQuote(lines[0].File)
}

// settingConflict returns the conflict with a command that applies to every login.
func (s hostState) settingConflict(other sshd.Setting) error {
	e := &ConflictError{
		File: other.File, Line: other.Line, Command: other.Value,
		Problem: "AuthorizedKeysCommand is set already:",
		Run:     commentOut(other),
	}
	user, found := s.WithoutBlocks.Global(sshd.KeysCommandUser)
	both := found && user.File == other.File
	switch {
	case strings.EqualFold(other.Value, "none"):
		e.Advice = `"none" turns AuthorizedKeysCommand off, probably on purpose`
	case callsEic(other):
		e.Advice = `this line, written by hand, already runs eic and works; remove it only if "eic enable" is to manage it`
	}
	if both {
		e.Run = commentOut(other, user)
	}
	return e
}

// matchAllConflict returns the conflict with a directive in a Match block that applies to
// every login, and so overrides everything outside of it.
func (s hostState) matchAllConflict(set sshd.Setting) error {
	e := &ConflictError{
		File: set.File, Line: set.Line, Command: set.Value,
		Problem: "a Match block that applies to every login sets AuthorizedKeysCommand",
		Advice:  "move the line out of the block, narrow the block, or comment the line out",
	}
	var lines []sshd.Setting
	for _, other := range s.Current {
		if sshd.DirectiveName(other.Keyword) != "" && other.Match == set.Match && other.File == set.File && set.Line > 0 {
			lines = append(lines, other)
		}
	}
	if lines != nil {
		e.Run = commentOut(lines...)
	}
	return e
}

// misreadConflict returns the conflict with an sshd whose configuration does not come from
// its files alone.
func misreadConflict(written sshd.Setting, reported sshd.Answer) error {
	command := reported.Values[sshd.KeysCommand]
	return &ConflictError{
		Command: command,
		File:    written.File, Line: written.Line,
		Problem: fmt.Sprintf("expected sshd to report AuthorizedKeysCommand %q, as in its files; it reports", written.Value),
		Advice:  "something else configures this sshd, such as a wrapper around it; make the change there",
		Write:   replacementLines(command, reported.Values[sshd.KeysCommandUser]),
		manual:  true,
	}
}

// replacementLines returns the lines to write in place of an AuthorizedKeysCommand that
// eic cannot edit. Unless the command is "none" or cannot be chained, they chain it and
// keep its user.
func replacementLines(command, user string) string {
	e := sshd.Entry{}
	flags, err := chainArguments(command)
	switch {
	case strings.EqualFold(command, "none") || err != nil:
		return fmt.Sprintf("AuthorizedKeysCommand %s; AuthorizedKeysCommandUser %s", e.Command(), e.RunsAs())
	case user == "root":
		e.Args = []string{runAsFlag, sshd.CommandUser}
	}
	e.Args = append(e.Args, flags...)
	return "AuthorizedKeysCommand " + e.Command()
}

// scriptConflict returns the conflict with a command that can only be chained through a
// script.
func scriptConflict(other sshd.Setting, why error) error {
	const script = "/usr/local/bin/other-keys"
	return &ConflictError{
		File: other.File, Line: other.Line, Command: other.Value,
		Problem: "AuthorizedKeysCommand cannot be chained as written:",
		Advice:  fmt.Sprintf("%v; create a script %s, owned by root, that runs the command for the user in its first argument", why, script),
		Write:   sshd.DirectiveName(other.Keyword) + " " + script + " %u",
		script:  true,
	}
}

// editedConflict returns the conflict with a block of eic's that somebody edited.
func (s hostState) editedConflict(b sshd.Block) error {
	e := &ConflictError{
		File: b.File, Line: b.Line,
		Problem: `these lines differ from what "eic enable" wrote`,
		Advice:  "save what you need from them, then disable them",
	}
	if b.File == sshd.DropIn {
		e.Run = "mv " + sshd.DropIn + " " + sshd.DropIn + ".edited"
		return e
	}
	lines := []sshd.Setting{}
	for _, line := range b.BeginLines {
		lines = append(lines, sshd.Setting{File: b.File, Line: line})
	}
	for _, set := range s.Current {
		args, err := argv.Split(set.Value)
		isEics := err == nil && len(args) > 0 && (args[0] == sshd.Program || set.Keyword == sshd.KeysCommandUser)
		if set.File == b.File && sshd.DirectiveName(set.Keyword) != "" && set.Line > b.Line && isEics {
			lines = append(lines, set)
		}
	}
	e.Run = commentOut(lines...)
	return e
}

// checkConfined returns a conflict if SELinux would confine a chained command in eic's
// domain.
func (p *plan) checkConfined(o Options) error {
	chains := slices.ContainsFunc(joinFlags(p.entry.Args), isChainFlag)
	root := os.DirFS(cmp.Or(p.host.Root, "/"))
	if !chains || o.SELinuxAllowsChain || selinux.Running(root) != selinux.Enforcing {
		return nil
	}
	if confined, err := selinux.HasModule(root); err != nil || !confined {
		return err
	}
	return &ConflictError{
		Problem: fmt.Sprintf("SELinux is enforcing, and its module %q confines a chained command as it confines eic: the command can read no other files and reach no other addresses", selinux.Module),
		Advice: fmt.Sprintf("allow the type %s what the command needs in a policy module of your own (semanage permissive -a %s, log in, audit2allow -a -M eic-chain), then confirm with --selinux-allows-chain",
			selinux.Domain, selinux.Domain),
		confined: true,
	}
}
