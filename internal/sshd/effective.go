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
	// Ours is set if Source is in a block that "eic enable" wrote.
	Ours bool
	// ShadowedPrincipals is the AuthorizedPrincipalsCommand that sshd ignores, or zero:
	// see Config.ShadowedPrincipals.
	ShadowedPrincipals Setting
	// Started holds the options on the command line of the running sshd, or of the one
	// that would be started.
	Started []Override
	// Answer is everything that sshd reports with those options.
	Answer
}

// Effective asks sshd what it does for a login, and finds the line that causes it. An
// option on the command line of a running sshd, or of a unit that would start one,
// applies wherever no Match block decides.
func (h Host) Effective(ctx context.Context, c Connection) (Effective, error) {
	s, err := h.Survey(ctx)
	if err != nil {
		return Effective{}, err
	}
	e := Effective{}
	var running bool
	if e.Started, running, err = h.started(ctx); err != nil {
		return Effective{}, err
	}
	if running {
		s.Overrides = e.Started // the files may have changed since
	}
	if file := lastFile(s.Tree, e.Started); running && file != s.File {
		if err := s.readAs(file); err != nil {
			return Effective{}, err
		}
	}
	h = h.Reading(s.File)
	options := asked(e.Started)
	everywhere, _, err := h.askGlobalWith(ctx, options)
	if err != nil {
		return Effective{}, err
	}
	if e.Answer, err = h.askWith(ctx, options, c); err != nil {
		return Effective{}, err
	}
	e.Command, e.User = e.Values[KeysCommand], e.Values[KeysCommandUser]
	e.findSource(s, e.Command == everywhere.Values[KeysCommand])
	if set, found := s.Now.Global(principalsCommand); found && set.Match == "" && e.Values[principalsCommand] == "none" {
		if _, shadowed := s.Now.ShadowedPrincipals(s.Version); shadowed {
			e.ShadowedPrincipals = set
		}
	}
	return e, nil
}

// findSource finds the line that the command comes from, which everybody's does or
// that of a Match block, and whether it is ours.
func (e *Effective) findSource(s Survey, everybodys bool) {
	if everybodys {
		e.Source, _ = s.Now.Global(KeysCommand)
		for _, v := range slices.Backward(s.Overrides) { // the first one applies
			e.override(v)
		}
	} else {
		for _, set := range s.Now.InMatch(KeysCommand) {
			if SameValue(e.Command, set.Value) {
				e.Source = set
				break
			}
		}
	}
	for _, b := range s.Ours {
		e.Ours = e.Ours || e.Source.File == b.File && strings.Contains(string(b.Text), " "+e.Source.Value+"\n")
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
