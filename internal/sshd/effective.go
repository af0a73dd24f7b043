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
	// Started is what the command line sets of the sshd that runs, or of the one
	// that would be started.
	Started []Override
	// Answer is everything sshd reports, with those options.
	Answer
}

// Effective asks sshd what it does for a login and finds the line that makes
// it so. An option on the command line of an sshd that runs, or of a unit that
// would start one, counts as in force wherever no Match block decides.
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
	options := asked(s.Tree, s.Main, e.Started)
	if at := slices.Index(options, "-f"); at >= 0 {
		if s.Now, err = Read(s.Tree, options[at+1], s.Version); err != nil {
			return Effective{}, err
		}
	}
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
	for _, b := range s.Ours {
		e.Ours = e.Ours || e.Source.File == b.File && strings.Contains(string(b.Text), " "+e.Source.Value+"\n")
	}
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
