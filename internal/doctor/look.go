package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"eic/internal/account"
	"eic/internal/sshd"
)

// exam is a host and what was seen of it.
type exam struct {
	Host
	// everybody is what sshd runs for a login that nothing is known of, login
	// what it runs for one of User.
	everybody, login answer
	// command is login's taken apart, usual everybody's.
	command, usual command
	// account is the user that the command runs as.
	account    Account
	accountErr error
	// person is the account of User, if Named, and shadow its entry in shadow(5).
	person    Account
	personErr error
	shadow    account.Shadow
	shadowErr error

	// seen is what there was to see for account, or, if asAccount says why
	// that could not be looked at, for the user who examines. seenErr is why
	// neither could.
	seen      Observation
	seenErr   error
	asAccount error
	// ownSeen is what the user who examines sees where account was refused.
	ownSeen *Observation
}

// answer is what sshd says of a login.
type answer struct {
	sshd.Effective
	err error
}

func look(ctx context.Context, h Host) *exam {
	e := &exam{Host: h}
	e.everybody.Effective, e.everybody.err = h.SSHD.Effective(ctx, sshd.Anybody())
	e.login.Effective, e.login.err = h.SSHD.Effective(ctx, sshd.Connection{User: h.User})
	e.command, e.usual = e.takeApart(e.login), e.takeApart(e.everybody)
	name, err := e.expandUser(e.accountName())
	if err == nil {
		e.account, err = e.findAccount(ctx, name)
	}
	e.accountErr = err
	if e.Named {
		e.lookUpPerson(ctx)
	}
	e.observe(ctx)
	return e
}

// accountName is that of the user sshd runs our command as for the user or for
// everybody, or would if it did.
func (e *exam) accountName() string {
	switch {
	case e.command.ours:
		return e.login.User
	case e.usual.ours:
		return e.everybody.User
	}
	return sshd.CommandUser
}

// flags are the flags of authorized-keys to look with.
func (e *exam) flags() []string {
	switch {
	case e.Flags != nil:
		return e.Flags
	case e.command.ours:
		return e.command.call.Flags
	}
	return e.usual.call.Flags
}

// observe looks as the command's user if it can, and as its own if not. If the
// user has no way to the metadata service it looks again as its own, which
// tells a service that is away from one that is kept from the user.
func (e *exam) observe(ctx context.Context) {
	if e.Flags == nil && e.command.err != nil {
		// With other flags than those meant, it would see something else.
		e.seenErr = errors.New("the arguments of sshd's command are wrong")
		return
	}
	e.seen, e.asAccount = e.observeAs(ctx)
	if e.asAccount != nil {
		e.seen, e.seenErr = e.Observe(ctx, e.flags())
		return
	}
	if s := e.seen.Service; s.ConnectError != "" || s.TokenError != "" {
		if own, err := e.Observe(ctx, e.flags()); err == nil {
			e.ownSeen = &own
		}
	}
}

// observeAs has another process of this program observe as the command's user.
func (e *exam) observeAs(ctx context.Context) (Observation, error) {
	switch {
	case e.accountErr != nil:
		return Observation{}, fmt.Errorf("user %q is not known", e.accountName())
	case e.account.UID == uint32(e.UID):
		return e.Observe(ctx, e.flags())
	case e.UID != 0 || e.RunAs == nil:
		return Observation{}, fmt.Errorf("doctor runs as uid %d, not as root", e.UID)
	}
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	args := []string{"eic", "doctor", "--observe", "--user", e.User}
	if e.Offline {
		args = append(args, "--offline")
	}
	args = append(append(args, "--"), e.flags()...)
	stdout, stderr, err := e.RunAs(ctx, e.account, e.Executable, args...)
	if err != nil {
		return Observation{}, fmt.Errorf("running %s as user %q: %w%s", e.Executable, e.account.Name, err, said(stderr))
	}
	var seen Observation
	if err := json.Unmarshal(stdout, &seen); err != nil {
		return Observation{}, fmt.Errorf("running %s as user %q: reading its answer: %w", e.Executable, e.account.Name, err)
	}
	return seen, nil
}

// said appends what a program wrote before it failed.
func said(stderr []byte) string {
	text := strings.TrimSpace(string(stderr))
	if text == "" {
		return ""
	}
	return fmt.Sprintf(", saying %.300q", text)
}

// checkAsAccount says through whose eyes the rest is looked at.
func checkAsAccount(_ context.Context, e *exam) Finding {
	var exit *exec.ExitError
	switch {
	case e.seenErr != nil:
		return notChecked("see the command's arguments above", "%v", e.seenErr)
	case e.asAccount == nil:
		return ok("works: what follows is what user %q sees", e.account.Name)
	case e.UID != 0:
		return notChecked("run eic doctor as root", "%v; what follows is what uid %d sees", e.asAccount, e.UID)
	case errors.As(e.asAccount, &exit):
		return broken("see that this user may read what the command's flags name", "%v", e.asAccount)
	case errors.Is(e.asAccount, syscall.EACCES) && e.command.ours && e.command.file == e.executable():
		return broken("see the owners and modes of the command's path, and that no noexec mount is under it", "%v", e.asAccount)
	}
	return notChecked("see the command's user above, and run the eic that is installed", "%v; what follows is what uid %d sees", e.asAccount, e.UID)
}
