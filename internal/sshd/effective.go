package sshd

import (
	"context"
	"slices"
	"strings"
)

// An Effective is what sshd does for one login.
type Effective struct {
	// Command and User are the AuthorizedKeysCommand and the user it runs as;
	// "none" when there is none.
	Command, User string
	// Source is the line that Command comes from. It is zero when no line sets
	// one. A Source in a systemd unit or an init script's options has the
	// Keyword that stands there.
	Source Setting
	// Ours is set when Source is in a block that "eic enable" wrote.
	Ours bool
	// ShadowedPrincipals is the AuthorizedPrincipalsCommand that sshd ignores, as
	// Config.ShadowedPrincipals has it. It is zero where none is.
	ShadowedPrincipals Setting
	// Answer is everything sshd reports. Options on sshd's command line are not
	// in it.
	Answer
}

// Effective asks sshd what it does for a login and finds the line that makes
// it so. An option on the command line of a unit that runs sshd counts as in
// force wherever no Match block decides.
func (h Host) Effective(ctx context.Context, c Connection) (Effective, error) {
	s, err := h.Survey(ctx)
	if err != nil {
		return Effective{}, err
	}
	everywhere, _, err := h.AskGlobal(ctx)
	if err != nil {
		return Effective{}, err
	}
	answer, err := h.Ask(ctx, c)
	if err != nil {
		return Effective{}, err
	}
	e := Effective{Command: answer.Values[KeysCommand], User: answer.Values[KeysCommandUser], Answer: answer}
	if e.Command == everywhere.Values[KeysCommand] {
		e.Source, _ = s.Now.Global(KeysCommand)
		for _, v := range slices.Backward(s.Overrides) { // the first one wins
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
	if set, found := s.Now.Global(principalsCommand); found && set.Match == "" && answer.Values[principalsCommand] == "none" {
		if _, shadowed := s.Now.ShadowedPrincipals(s.Version); shadowed {
			e.ShadowedPrincipals = set
		}
	}
	for _, b := range s.Ours {
		e.Ours = e.Ours || e.Source.File == b.File && strings.Contains(string(b.Text), " "+e.Source.Value+"\n")
	}
	return e, nil
}

// override puts an option of sshd's command line in force.
func (e *Effective) override(v Override) {
	switch v.Keyword {
	case KeysCommand:
		e.Command = v.Value
		e.Source = Setting{Keyword: v.Keyword, Value: v.Value, File: v.File, Line: v.Line}
	case KeysCommandUser:
		e.User = v.Value
	}
}
