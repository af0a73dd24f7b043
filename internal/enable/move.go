package enable

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"eic/internal/account"
	"eic/internal/argv"
	"eic/internal/sshd"
)

// movedMark precedes a line that Remove restores: the line with AWS's user in a Match
// block. The line after it names eic's user instead.
const movedMark = `# eic disable puts this line back in place of the next: `

// decideMoves finds the Match blocks that run this program as AWS's user: by the path of
// AWS's script, or because the block sets only the user. Removing AWS's package deletes
// that user, and sshd then runs no command. Add changes these lines to eic's user.
func (p *plan) decideMoves(o Options) {
	if !p.awsUserIsGone && !o.ReplaceInstanceConnect {
		return // AWS's package stays, and its user with it
	}
	for _, set := range p.WithoutBlocks.InMatch(sshd.KeysCommandUser) {
		switch {
		case !namesAWSUser(set.Keyword, set.Value):
		case p.runsEic(set.Match):
			p.moved = append(p.moved, set)
		case !p.awsUserIsGone: // otherwise noteUnknownUsers reports it
			p.notMoved = append(p.notMoved, set)
		}
	}
}

// lacksAWSUser reports whether AWS's user does not exist here.
func (s hostState) lacksAWSUser(ctx context.Context) (bool, error) {
	_, err := s.accounts().Find(ctx, sshd.AWSUser)
	if errors.Is(err, account.ErrUnknown) {
		return true, nil
	}
	return false, err
}

// runsEic reports whether logins of a Match block run this program.
func (p *plan) runsEic(match string) bool {
	for _, set := range p.WithoutBlocks.InMatch(sshd.KeysCommand) {
		if set.Match == match {
			args, err := argv.Split(set.Value)
			return err == nil && len(args) > 0 && p.Tree.Resolve(args[0]) == p.Tree.Resolve(sshd.Program)
		}
	}
	return true // the block has no command of its own
}

// moveUsers changes the affected lines in the planned contents of the files.
func (p *plan) moveUsers(contents map[string][]byte) error {
	// linesBefore counts unchanged lines, so the last line is changed first.
	for _, set := range slices.Backward(p.moved) {
		name := set.File
		for other := range contents {
			if p.Tree.Resolve(other) == p.Tree.Resolve(name) {
				name = other
			}
		}
		data, planned := contents[name]
		if !planned {
			var err error
			if data, err = p.Tree.ReadFile(name); err != nil {
				return err
			}
		}
		contents[name] = moveUser(data, p.linesBefore(set))
	}
	return nil
}

// namesAWSUser reports whether a directive names AWS's user.
func namesAWSUser(keyword, value string) bool {
	names, err := argv.SplitLine(value)
	return keyword == sshd.KeysCommandUser && err == nil && slices.Equal(names, []string{sshd.AWSUser})
}

// linesBefore counts the earlier lines of the same file that name AWS's user too.
func (p *plan) linesBefore(set sshd.Setting) int {
	var lines []int
	for _, other := range p.WithoutBlocks {
		if other.File == set.File && other.Line < set.Line && namesAWSUser(other.Keyword, other.Value) && !slices.Contains(lines, other.Line) {
			lines = append(lines, other.Line)
		}
	}
	return len(lines)
}

// moveUser changes the line that names AWS's user after the given number of other such
// lines.
func moveUser(data []byte, others int) []byte {
	lines := bytes.SplitAfter(data, []byte("\n"))
	for i, line := range lines {
		if !namesAWSUser(sshd.ParseLine(strings.TrimSuffix(string(line), "\n"))) {
			continue
		}
		if others--; others >= 0 {
			continue
		}
		moved := slices.Concat([]byte(movedMark), line)
		if !bytes.HasSuffix(line, []byte("\n")) {
			moved = append(moved, '\n')
		}
		lines[i] = append(moved, ownUserLine(line)...)
		break
	}
	return slices.Concat(lines...)
}

// ownUserLine returns the line with eic's user, with the indentation and line ending of
// another line.
func ownUserLine(line []byte) []byte {
	return bytes.Replace(line, []byte(sshd.AWSUser), []byte(sshd.CommandUser), 1)
}

// restoreUsers restores the lines that moveUser changed, and counts those that were
// edited since.
func restoreUsers(data []byte) (restored []byte, changed int) {
	lines := bytes.SplitAfter(data, []byte("\n"))
	for i, line := range lines[:len(lines)-1] {
		was, found := bytes.CutPrefix(line, []byte(movedMark))
		next := lines[i+1]
		switch {
		case !found:
		case string(next) == string(ownUserLine(was)):
			lines[i], lines[i+1] = was, nil
		case string(next)+"\n" == string(ownUserLine(was)): // the last line of the file had no newline
			lines[i], lines[i+1] = bytes.TrimSuffix(was, []byte("\n")), nil
		default:
			changed++
		}
	}
	return slices.Concat(lines...), changed
}

// noteMoves adds notes about the lines that name AWS's user.
func (p *plan) noteMoves() {
	for _, set := range p.moved {
		p.notes = append(p.notes, fmt.Sprintf(`%s: logins that match %q run eic as %s, no longer as %s, which is deleted with AWS's package; "eic disable" restores the line`,
			p.placeAfter(set), set.Match, sshd.CommandUser, sshd.AWSUser))
	}
	for _, set := range p.notMoved {
		p.notes = append(p.notes, fmt.Sprintf(`%s: sshd runs no command for logins that match %q once the user %s is deleted; write there instead: AuthorizedKeysCommandUser %s`,
			p.placeAfter(set), set.Match, sshd.AWSUser, sshd.CommandUser))
	}
}
