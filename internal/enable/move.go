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

// movedMark stands in front of a line that Remove brings back. The line is the
// user of AWS's package in a Match block; the next one names ours in its place.
const movedMark = `# eic disable puts this line back in place of the next: `

// decideMoves finds the Match blocks that run this program, by AWS's old path or
// as every login does, as the user of AWS's package. That user is deleted with
// its package, and sshd then runs no command: those lines are to name ours.
func (p *plan) decideMoves(o Options) {
	if !p.awsUserIsGone && !o.ReplaceInstanceConnect {
		return // nobody said that the package goes
	}
	for _, set := range p.Bare.InMatch(sshd.KeysCommandUser) {
		switch {
		case !namesAWSUser(set.Keyword, set.Value):
		case p.runsOurs(set.Match):
			p.moved = append(p.moved, set)
		case !p.awsUserIsGone: // else noteUnknownUsers names it
			p.left = append(p.left, set)
		}
	}
}

// lacksAWSUser reports whether the user of AWS's package is unknown here.
func (s site) lacksAWSUser(ctx context.Context) (bool, error) {
	_, err := s.accounts().Find(ctx, sshd.AWSUser)
	if errors.Is(err, account.ErrUnknown) {
		return true, nil
	}
	return false, err
}

// runsOurs reports whether logins of a Match block run this program.
func (p *plan) runsOurs(match string) bool {
	for _, set := range p.Bare.InMatch(sshd.KeysCommand) {
		if set.Match == match {
			args, err := argv.Split(set.Value)
			return err == nil && len(args) > 0 && p.Tree.Resolve(args[0]) == p.Tree.Resolve(sshd.Program)
		}
	}
	return true // the block has no command of its own
}

// moveUsers changes the lines to move in the files as they will be.
func (p *plan) moveUsers(contents map[string][]byte) error {
	for _, set := range slices.Backward(p.moved) { // the last first: a moved line counts no more
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

// namesAWSUser reports whether a directive is for the user of AWS's package.
func namesAWSUser(keyword, value string) bool {
	names, err := argv.SplitLine(value)
	return keyword == sshd.KeysCommandUser && err == nil && slices.Equal(names, []string{sshd.AWSUser})
}

// linesBefore counts the lines of a file in front of one that name AWS's user too.
func (p *plan) linesBefore(set sshd.Setting) int {
	var lines []int
	for _, other := range p.Bare {
		if other.File == set.File && other.Line < set.Line && namesAWSUser(other.Keyword, other.Value) && !slices.Contains(lines, other.Line) {
			lines = append(lines, other.Line)
		}
	}
	return len(lines)
}

// moveUser changes a line that names AWS's user, before which there are some
// others.
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
		lines[i] = append(moved, inPlaceOf(line)...)
		break
	}
	return slices.Concat(lines...)
}

// inPlaceOf is the line for our user, indented and ended as another line.
func inPlaceOf(line []byte) []byte {
	return bytes.Replace(line, []byte(sshd.AWSUser), []byte(sshd.CommandUser), 1)
}

// restoreUsers puts the lines back that moveUser changed, and counts those that
// somebody changed since.
func restoreUsers(data []byte) (restored []byte, changed int) {
	lines := bytes.SplitAfter(data, []byte("\n"))
	for i, line := range lines[:len(lines)-1] {
		was, found := bytes.CutPrefix(line, []byte(movedMark))
		next := lines[i+1]
		switch {
		case !found:
		case string(next) == string(inPlaceOf(was)):
			lines[i], lines[i+1] = was, nil
		case string(next)+"\n" == string(inPlaceOf(was)): // the file's last line had no newline
			lines[i], lines[i+1] = bytes.TrimSuffix(was, []byte("\n")), nil
		default:
			changed++
		}
	}
	return slices.Concat(lines...), changed
}

// noteMoves says what becomes of lines that name AWS's user.
func (p *plan) noteMoves() {
	for _, set := range p.moved {
		p.notes = append(p.notes, fmt.Sprintf(`%s: logins that match %q run eic as %s, no longer as %s, which AWS's package takes with it; "eic disable" puts the line back`,
			p.placeAfter(set), set.Match, sshd.CommandUser, sshd.AWSUser))
	}
	for _, set := range p.left {
		p.notes = append(p.notes, fmt.Sprintf(`%s: for logins that match %q sshd runs no command once there is no user %s; write there instead: AuthorizedKeysCommandUser %s`,
			p.placeAfter(set), set.Match, sshd.AWSUser, sshd.CommandUser))
	}
}
