package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"eic/internal/activekeys"
	"eic/internal/authorize"
	"eic/internal/cmdline"
	"eic/internal/printable"
	"eic/internal/settings"
)

const policyAbout = `Says whether this host's settings accept a key that the IAM principal ARN pushes
for USER, and which lines decide. The lines are those of /etc/eic/eic.conf and
the flags given here. With --config FILE, only FILE is read and not this host's
file, so that FILE can be tested before its roll-out; anybody may own it. Flags
in sshd's AuthorizedKeysCommand are not read: give them here too. No request is
sent and nothing is logged.

Exit status: 0 accepted; 1 refused; 2 called wrongly, or the settings cannot be
read.`

// policyQuestion is one call of policy test.
type policyQuestion struct {
	settings     *settings.Settings
	user, caller string
}

func (p *policyQuestion) register(line cmdline.Line) {
	p.settings = settings.New()
	p.settings.Register(line.FlagSet)
	// Accepted because they may be in sshd's command, and ignored.
	line.Lookup("log").Hidden, line.Lookup("log-format").Hidden = true, true
}

func (p *policyQuestion) check(ctx context.Context, line cmdline.Line) error {
	p.user, p.caller = line.Arg(0), line.Arg(1)
	files := settings.Files{Host: settings.File, UID: os.Getuid()}
	if p.settings.File != "" {
		files = settings.Files{UID: settings.Anybody}
	}
	switch err := p.settings.Read(ctx, files); {
	case err != nil:
		return err
	case !activekeys.ValidUser(p.user):
		return fmt.Errorf("no key can be pushed for a user %q", p.user)
	case !strings.HasPrefix(p.caller, "arn:"):
		return fmt.Errorf("%q is not an ARN; expected one like arn:aws:sts::123456789012:assumed-role/ops/alice", p.caller)
	}
	return nil
}

func (p *policyQuestion) run(_ context.Context, stdout, stderr io.Writer) int {
	ruling := p.settings.Policy.Test(p.user, p.caller)
	status, text := exitOK, "accepted"
	if ruling.Detail != nil {
		status, text = exitFailed, fmt.Sprintf("refused, %s: %v", ruling.Reason, ruling.Detail)
	}
	for _, term := range ruling.By {
		text += "\n  " + p.place(term) + ": " + term.Flag + " " + term.Value
	}
	if ruling.Detail == nil && len(ruling.By) == 0 {
		text += "\n  no setting refuses such a key"
	}
	if _, err := fmt.Fprintln(printable.Writer{To: stdout}, text); err != nil {
		fmt.Fprintf(stderr, "eic policy test: writing the answer: %v\n", err)
		return exitUsage
	}
	return status
}

// place says where a term was set.
func (p *policyQuestion) place(term authorize.Term) string {
	for _, entry := range p.settings.Entries {
		if entry.Flag == term.Flag && strings.Join(strings.Fields(entry.Value), " ") == term.Value {
			return fmt.Sprintf("%s line %d", entry.File, entry.Line)
		}
	}
	return "command line"
}
