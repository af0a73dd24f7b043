package sshd

import (
	"context"
	"slices"
	"strings"
)

// An Effective is what sshd does for one login.
type Effective struct {
	// Command is the AuthorizedKeysCommand, and User the user that it runs as. Both are
	// "none" if sshd runs no command.
	Command, User string
	// Source is the line that sets Command, or zero if no line does. In a systemd unit or
	// an init script's options, its Keyword is the one used there.
	Source Setting
	// Managed is set if Source is in a block that "eic enable" wrote.
	Managed bool
	// ShadowedPrincipals is the AuthorizedPrincipalsCommand that sshd ignores, or zero:
	// see Config.ShadowedPrincipals.
	ShadowedPrincipals Setting
	// CommandLine holds the options on the command line of the running sshd. If no sshd
	// runs, they are those of the command line that would start it.
	CommandLine []Override
	// Answer is everything that sshd reports with the options in CommandLine.
	Answer
}

// Effective asks sshd what it does for a login, and finds the line that causes it. An
// option on the command line of a running sshd, or of a unit that would start one,
// overrides everything but Match blocks.
func (h Host) Effective(ctx context.Context, c Connection) (Effective, error) {
	s, err := h.Survey(ctx)
	if err != nil {
		return Effective{}, err
	}
	e := Effective{}
	var running bool
	if e.CommandLine, running, err = h.settingsInUse(ctx); err != nil {
		return Effective{}, err
	}
	if running {
		s.Overrides = e.CommandLine // the files may have changed since sshd was started
	}
	if file := configFile(s.Tree, e.CommandLine); running && file != s.ConfigFile {
		if err := s.readFrom(file); err != nil {
			return Effective{}, err
		}
	}
	h = h.WithConfigFile(s.ConfigFile)
	options := testOptions(e.CommandLine)
	global, _, err := h.askGlobalWith(ctx, options)
	if err != nil {
		return Effective{}, err
	}
	if e.Answer, err = h.askWith(ctx, options, c); err != nil {
		return Effective{}, err
	}
	e.Command, e.User = e.Values[KeysCommand], e.Values[KeysCommandUser]
	e.findSource(s, e.Command == global.Values[KeysCommand])
	if set, found := s.Current.Global(principalsCommand); found && set.Match == "" && e.Values[principalsCommand] == "none" {
		if _, shadowed := s.Current.ShadowedPrincipals(s.Version); shadowed {
			e.ShadowedPrincipals = set
		}
	}
	return e, nil
}

// findSource finds the line that the command comes from, and whether "eic enable" wrote
// it. If global is false, that line is in a Match block.
func (e *Effective) findSource(s Survey, global bool) {
	if global {
		e.Source, _ = s.Current.Global(KeysCommand)
		for _, v := range slices.Backward(s.Overrides) { // the first one applies
			e.override(v)
		}
	} else {
		for _, set := range s.Current.InMatch(KeysCommand) {
			if SameValue(e.Command, set.Value) {
				e.Source = set
				break
			}
		}
	}
	for _, b := range s.Blocks {
		e.Managed = e.Managed || e.Source.File == b.File && strings.Contains(string(b.Text), " "+e.Source.Value+"\n")
	}
}

// override applies an option of sshd's command line.
func (e *Effective) override(v Override) {
	switch v.Keyword {
	case KeysCommand:
		e.Command = v.Value
		e.Source = Setting{Keyword: v.Keyword, Value: v.Value, File: v.File, Line: v.Line}
	case KeysCommandUser:
		e.User = v.Value
	}
}
