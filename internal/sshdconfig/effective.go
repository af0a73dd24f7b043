package sshdconfig

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
	// Ours is set when Source is in a block that Enable wrote.
	Ours bool
	// Values has everything sshd reports, by keyword in lower case. Options on
	// sshd's command line are not in it.
	Values map[string]string
}

// Effective asks sshd what it does for a login and finds the line that makes
// it so. An option on the command line of a unit that runs sshd counts as in
// force wherever no Match block decides.
func (h Host) Effective(ctx context.Context, c Connection) (Effective, error) {
	s, err := h.survey()
	if err != nil {
		return Effective{}, err
	}
	everywhere, err := h.effective(ctx, nil)
	if err != nil {
		return Effective{}, err
	}
	values, err := h.effective(ctx, &c)
	if err != nil {
		return Effective{}, err
	}
	e := Effective{Command: values[keysCommand], User: values[keysCommandUser], Values: values}
	if e.Command == everywhere[keysCommand] {
		e.Source, _ = s.now.global(keysCommand)
		for _, v := range slices.Backward(s.overrides) { // the first one wins
			e.override(v)
		}
	} else {
		for _, set := range s.now.conditional(keysCommand) {
			if sameValue(e.Command, set.Value) {
				e.Source = set
				break
			}
		}
	}
	for _, b := range s.ours {
		e.Ours = e.Ours || e.Source.File == b.file && strings.Contains(string(b.text), " "+e.Source.Value+"\n")
	}
	return e, nil
}

// override puts an option of sshd's command line in force.
func (e *Effective) override(v override) {
	switch v.keyword {
	case keysCommand:
		e.Command = v.value
		e.Source = Setting{Keyword: v.keyword, Value: v.value, File: v.file, Line: v.line}
	case keysCommandUser:
		e.User = v.value
	}
}
