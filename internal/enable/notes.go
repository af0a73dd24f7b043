package enable

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"eic/internal/account"
	"eic/internal/authorize"
	"eic/internal/sshd"
)

// addNotes adds notes for the administrator to a plan that succeeds. Line numbers in them
// refer to the changed files.
func (p *plan) addNotes(ctx context.Context) {
	if p.replaced != (sshd.Setting{}) {
		p.notes = append(p.notes, fmt.Sprintf(`%s: the command of AWS's package stays after eic's and applies again after "eic disable"`,
			p.placeAfter(p.replaced)))
	}
	if p.chained != (sshd.Setting{}) {
		note := fmt.Sprintf("the command of %s still runs as %q", p.placeAfter(p.chained), p.chainedUser)
		if p.chainedUser == "root" {
			note += fmt.Sprintf("; eic itself becomes %q before it reads from the network", sshd.CommandUser)
		}
		p.notes = append(p.notes, note)
	}
	p.noteMoves()
	p.noteMatches(ctx)
	p.noteUnknownUsers(ctx)
	p.noteKeyOptions()
}

// noteKeyOptions adds a warning about a key option that this sshd does not support, from
// a flag or from the settings of the host.
func (p *plan) noteKeyOptions() {
	lists := []string{p.keyOptions}
	for _, flag := range joinFlags(p.entry.Args) {
		if list, found := strings.CutPrefix(flag, "--key-options="); found {
			lists = append(lists, strings.ReplaceAll(list, "%%", "%"))
		}
	}
	for _, list := range lists {
		if name, since := p.Version.UnknownKeyOption(authorize.KeyOptionNames(list)); name != "" {
			p.notes = append(p.notes, fmt.Sprintf("this sshd is older than OpenSSH %d.%d, does not support the key option %s, and refuses every key with it: remove it from key-options",
				since.Major, since.Minor, name))
			return
		}
	}
}

// noteMatches adds notes about Match blocks that keep another command or user. sshd 8.2
// ignores Match blocks in included files, so there is no note about a line that sshd does
// not report.
func (p *plan) noteMatches(ctx context.Context) {
	for _, set := range p.WithoutBlocks {
		name := sshd.DirectiveName(set.Keyword)
		if name == "" || set.Match == "" || slices.Contains(p.moved, set) || slices.Contains(p.notMoved, set) {
			continue
		}
		if login, found := p.host.MatchingConnection(ctx, set.Match); found {
			answer, err := p.host.Ask(ctx, login)
			if err == nil && !sshd.SameValue(answer.Values[set.Keyword], set.Value) {
				continue
			}
		}
		p.notes = append(p.notes, fmt.Sprintf("%s: logins that match %q keep their own %s %q", p.placeAfter(set), set.Match, name, set.Value))
	}
}

// noteUnknownUsers adds a note about each AuthorizedKeysCommandUser that does not exist,
// because sshd then runs no command at all. Add creates eic's user, so that one exists.
func (p *plan) noteUnknownUsers(ctx context.Context) {
	inForce, _ := p.after.Global(sshd.KeysCommandUser)
	for _, set := range p.after {
		counts := set.Match != "" || set == inForce
		if set.Keyword != sshd.KeysCommandUser || !counts || strings.EqualFold(set.Value, "none") || set.Value == sshd.CommandUser {
			continue
		}
		if _, err := p.accounts().Find(ctx, set.Value); !errors.Is(err, account.ErrUnknown) {
			continue
		}
		whose := "no login"
		if set.Match != "" {
			whose = fmt.Sprintf("no login that matches %q", set.Match)
		}
		p.notes = append(p.notes, fmt.Sprintf("%s: there is no user %q, so sshd runs the command for %s; write there instead: AuthorizedKeysCommandUser %s",
			sshd.Place(set.File, set.Line), set.Value, whose, sshd.CommandUser))
	}
}

// placeAfter returns where a line of the configuration will be after the change.
func (p *plan) placeAfter(set sshd.Setting) string {
	command, _ := p.after.Global(sshd.KeysCommand)
	user, _ := p.after.Global(sshd.KeysCommandUser)
	others := slices.DeleteFunc(slices.Clone(p.after), func(s sshd.Setting) bool { return s == command || s == user })
	if i := slices.Index(p.WithoutBlocks, set); i >= 0 && i < len(others) {
		set = others[i]
	}
	return sshd.Place(set.File, set.Line)
}
