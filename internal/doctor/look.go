package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"eic/internal/account"
	"eic/internal/metadata"
	"eic/internal/settings"
	"eic/internal/sshd"
)

// exam is a host and what was seen of it.
type exam struct {
	Host
	// everybody is what sshd runs for a login that nothing is known of, login
	// what it runs for one of User.
	everybody, login answer
	// survey is what stands in sshd's files.
	survey    sshd.Survey
	surveyErr error
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

	// made are the checks made so far.
	made []Check
	// seen is what there was to see for account, or, if asAccount says why
	// that could not be looked at, for the user who examines. seenErr is why
	// neither could.
	seen      Observation
	seenErr   error
	asAccount error
	// dialed is set if the user who examines got a connection to the metadata
	// service where account got none.
	dialed bool
}

// answer is what sshd says of a login.
type answer struct {
	sshd.Effective
	err error
}

func look(ctx context.Context, h Host) *exam {
	e := &exam{Host: h}
	e.askSSHD(ctx)
	e.observe(ctx)
	return e
}

// askSSHD asks sshd what it does, and looks up the accounts that it names.
func (e *exam) askSSHD(ctx context.Context) {
	h := e.Host
	e.everybody.Effective, e.everybody.err = h.SSHD.Effective(ctx, sshd.Anybody())
	e.login.Effective, e.login.err = h.SSHD.Effective(ctx, sshd.Connection{User: h.User})
	e.survey, e.surveyErr = h.SSHD.Survey(ctx)
	e.command, e.usual = e.takeApart(ctx, e.login), e.takeApart(ctx, e.everybody)
	name, err := e.expandUser(e.accountName())
	if err == nil {
		e.account, err = e.findAccount(ctx, name)
	}
	e.accountErr = err
	if e.Named {
		e.lookUpPerson(ctx)
	}
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

// flagsErr is why the command's flags are not known. With others than those meant,
// observe would see something else.
func (e *exam) flagsErr() error {
	switch {
	case e.Flags != nil || e.command.err == nil:
		return nil
	case errors.As(e.command.err, new(*settings.FileError)):
		return errors.New("the settings of the host are wrong")
	}
	return errors.New("the arguments of sshd's command are wrong")
}

// observe looks as the command's user. Root never asks the metadata service and
// never reads its answers: a login does neither. It only connects, which tells a
// service that is away from one that is kept from the user.
func (e *exam) observe(ctx context.Context) {
	if e.seenErr = e.flagsErr(); e.seenErr != nil {
		return
	}
	e.seen, e.asAccount = e.observeAsCommand(ctx)
	switch {
	case e.asAccount == nil:
	case e.UID == 0:
		e.seenErr = e.asAccount
	default: // whoever it is, the chained command is not for them to run
		self := Account{Account: account.Account{UID: uint32(e.UID)}}
		e.seen, e.seenErr = e.observeAs(ctx, self, append(slices.Clone(e.flags()), "--chain="))
	}
	if e.seenErr == nil && e.UID == 0 && e.seen.Service.ConnectError != "" {
		e.dialed = e.dial(ctx)
	}
}

// observeAsCommand looks as the user that the command asks as, or says why it cannot.
func (e *exam) observeAsCommand(ctx context.Context) (Observation, error) {
	switch {
	case e.accountErr != nil:
		return Observation{}, fmt.Errorf("user %q is not known", e.accountName())
	case e.account.UID != uint32(e.UID) && e.UID != 0:
		return Observation{}, fmt.Errorf("doctor runs as uid %d, not as root", e.UID)
	case e.account.UID == 0 && e.command.runAs() != "":
		reader, err := e.findAccount(ctx, e.command.runAs())
		if err != nil || reader.UID == 0 {
			return Observation{}, fmt.Errorf("the user %q of --run-as is not known, or is root", e.command.runAs())
		}
		// The chained command stays root's to run.
		return e.observeAs(ctx, reader, append(slices.Clone(e.flags()), "--chain="))
	case e.account.UID == 0:
		return Observation{}, errors.New("the command's user is root, who is not asked for what comes from the network")
	default:
		return e.observeAs(ctx, e.account, e.flags())
	}
}

// reader names the user that the command asks the metadata service as.
func (e *exam) reader() string {
	if e.account.UID == 0 && e.command.runAs() != "" {
		return e.command.runAs()
	}
	return e.account.Name
}

// dial reports whether a connection to the metadata service comes about.
func (e *exam) dial(ctx context.Context) bool {
	urls := metadata.Addresses()
	if call, err := settings.ParseCall(ctx, append(slices.Clone(e.flags()), "--", e.User, NobodysFingerprint), e.Files); err == nil && call.Endpoint != "" {
		urls = []string{call.Endpoint}
	}
	for _, url := range urls {
		ctx, cancel := context.WithTimeout(ctx, metadata.ConnectTimeout)
		defer cancel()
		address, err := metadata.ParseEndpoint(url)
		if err == nil && e.Dial(ctx, address.String()) == nil {
			return true
		}
	}
	return false
}

// observeAs has another process of this program observe as a user. That process
// confines itself before it asks.
func (e *exam) observeAs(ctx context.Context, as Account, flags []string) (Observation, error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	args := []string{"eic", "doctor", "--observe", "--user", e.User}
	if e.Offline {
		args = append(args, "--offline")
	}
	args = append(append(args, "--"), flags...)
	stdout, stderr, err := e.RunAs(ctx, as, e.Executable, args...)
	if err != nil {
		return Observation{}, fmt.Errorf("running %s as uid %d: %w%s", e.Executable, as.UID, err, said(stderr))
	}
	var seen Observation
	if err := json.Unmarshal(stdout, &seen); err != nil {
		return Observation{}, fmt.Errorf("running %s as uid %d: reading its answer: %w", e.Executable, as.UID, err)
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
	case e.asAccount == nil && e.seenErr != nil:
		return skipped("arguments", "%v", e.seenErr)
	case e.asAccount == nil:
		return ok("works: what follows is what user %q sees", e.reader())
	case e.UID != 0:
		return notChecked("run eic doctor as root", "%v; what follows is what uid %d sees", e.asAccount, e.UID)
	case errors.As(e.asAccount, &exit):
		return broken("see that this user may read what the command's flags name", "%v", e.asAccount)
	case errors.Is(e.asAccount, syscall.EACCES) && e.command.ours && e.command.file == e.executable():
		return broken("see the owners and modes of the command's path, and that no noexec mount is under it", "%v", e.asAccount)
	}
	return skipped("account", "%v", e.asAccount)
}
