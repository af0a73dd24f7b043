package enable

import (
	"context"
	"fmt"
	"slices"

	"eic/internal/sshd"
)

// addNotes says what an administrator should know of a plan that succeeds. Its
// places are those of the files as they will be.
func (p *plan) addNotes(ctx context.Context) {
	if p.replaced != (sshd.Setting{}) {
		p.notes = append(p.notes, fmt.Sprintf(`%s: the command of AWS's package stays behind ours and comes back with "eic disable"`,
			p.placeAfter(p.replaced)))
	}
	if p.chained != (sshd.Setting{}) {
		p.notes = append(p.notes, fmt.Sprintf("the command of %s still runs as %q%s", p.placeAfter(p.chained), p.chainedUser,
			map[bool]string{true: fmt.Sprintf("; eic itself becomes %q before it reads from the network", sshd.CommandUser)}[p.chainedUser == "root"]))
	}
	p.noteMatches(ctx)
}

// noteMatches says which logins keep a command, or its user, of their own. sshd
// 8.2 ignores Match blocks in included files: of a line that sshd does not report
// nothing is said.
func (p *plan) noteMatches(ctx context.Context) {
	for _, set := range p.Bare {
		name := sshd.DirectiveName(set.Keyword)
		if name == "" || set.Match == "" {
			continue
		}
		if login, found := p.host.Entering(ctx, set.Match); found {
			answer, err := p.host.Ask(ctx, login)
			if err == nil && !sshd.SameValue(answer.Values[set.Keyword], set.Value) {
				continue
			}
		}
		p.notes = append(p.notes, fmt.Sprintf("%s: logins that match %q keep their own %s %q", p.placeAfter(set), set.Match, name, set.Value))
	}
}

// placeAfter returns where a line of the configuration without ours will stand.
func (p *plan) placeAfter(set sshd.Setting) string {
	command, _ := p.after.Global(sshd.KeysCommand)
	user, _ := p.after.Global(sshd.KeysCommandUser)
	others := slices.DeleteFunc(slices.Clone(p.after), func(s sshd.Setting) bool { return s == command || s == user })
	if i := slices.Index(p.Bare, set); i >= 0 && i < len(others) {
		set = others[i]
	}
	return sshd.Place(set.File, set.Line)
}
