package enable

import (
	"context"
	"fmt"
	"strings"

	"eic/internal/sshd"
)

// A login is a connection whose configuration is compared before and after a change.
type login struct {
	// match has the criteria of the Match block that applies to the login, or is empty.
	match      string
	connection sshd.Connection
	before     sshd.Answer
}

// askBefore asks sshd about a login that no Match block singles out, and about one login
// for each Match block whose criteria eic can satisfy.
func (s hostState) askBefore(ctx context.Context) ([]login, error) {
	logins := []login{{connection: sshd.Anybody()}}
	for _, match := range s.Current.MatchCriteria() {
		if connection, found := s.host.MatchingConnection(ctx, match); found {
			logins = append(logins, login{match: match, connection: connection})
		}
	}
	for i := range logins {
		var err error
		if logins[i].before, err = s.host.Ask(ctx, logins[i].connection); err != nil {
			return nil, fmt.Errorf("asking sshd for its current configuration: %w", err)
		}
	}
	return logins, nil
}

// checkSideEffects asks sshd about the same logins again. It returns a *ConflictError if
// any setting changed, except eic's two keywords.
func (s hostState) checkSideEffects(ctx context.Context, e sshd.Entry, logins []login) error {
	for _, l := range logins {
		answer, err := s.host.Ask(ctx, l.connection)
		if err != nil {
			return fmt.Errorf("asking sshd for its new configuration (eic restores the old one): %w", err)
		}
		if changes := l.before.Changes(answer); len(changes) > 0 {
			return s.sideEffectConflict(l, e, changes[0])
		}
	}
	return nil
}

// sideEffectConflict returns the conflict with another setting that eic's lines would
// change.
func (s hostState) sideEffectConflict(l login, e sshd.Entry, change sshd.Change) error {
	var at sshd.Setting
	for _, set := range s.Current {
		if set.Keyword == change.Keyword && (set.Match == "" || set.Match == l.match) {
			at = set
			break
		}
	}
	whose := "every login"
	if l.match != "" {
		whose = fmt.Sprintf("logins that match %q", l.match)
	}
	c := &ConflictError{
		File: at.File, Line: at.Line,
		Problem: fmt.Sprintf("with eic's lines sshd would have %s %q for %s, not %q", change.Keyword, change.After, whose, change.Before),
		Advice:  "nothing was changed; write eic's lines by hand at a place where they change nothing else",
		manual:  true,
	}
	lines := []string{"AuthorizedKeysCommand " + e.Command(), "AuthorizedKeysCommandUser " + e.RunsAs()}
	if at.Line == 0 || at.Match != "" {
		c.Advice += ": " + strings.Join(lines, "; ")
		return c
	}
	c.Advice += ", for example after this line"
	c.Run = "sed -i"
	for _, line := range lines {
		c.Run += " -e " + shellQuote(fmt.Sprintf("%da %s", at.Line, strings.ReplaceAll(line, `\`, `\\`)))
	}
	c.Run += " " + shellQuote(at.File) + " && sshd -t"
	return c
}
