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

// exam is a host and what was observed.
type exam struct {
	Host
	// everybody is what sshd does for a login about which nothing is known, and login what
	// it does for a login of User.
	everybody, login answer
	// survey has the settings in sshd's files.
	survey    sshd.Survey
	surveyErr error
	// command is the parsed command of login, and usual that of everybody.
	command, usual command
	// account is the user that the command runs as.
	account    Account
	accountErr error
	// person is the account of User, if Named, and shadow its entry in shadow(5).
	person    Account
	personErr error
	shadow    account.Shadow
	shadowErr error

	// made are the results of the checks that were made so far.
	made []Check
	// seen is the observation as account. If asAccount says why that failed, seen is the
	// observation as the calling user. seenErr says why neither was possible.
	seen      Observation
	seenErr   error
	asAccount error
	// dialed is set if the calling user could connect to the metadata service and account
	// could not.
	dialed bool
}

// answer is what sshd does with a login.
type answer struct {
	sshd.Effective
	err error
}

func newExam(ctx context.Context, h Host) *exam {
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
	e.command, e.usual = e.parseCommand(ctx, e.login), e.parseCommand(ctx, e.everybody)
	name, err := e.expandUser(e.accountName())
	if err == nil {
		e.account, err = e.findAccount(ctx, name)
	}
	e.accountErr = err
	if e.Named {
		e.lookUpPerson(ctx)
	}
}

// accountName returns the user that sshd runs eic's command as, or would run it as, for
// the user or for everybody.
func (e *exam) accountName() string {
	switch {
	case e.command.ours:
		return e.login.User
	case e.usual.ours:
		return e.everybody.User
	}
	return sshd.CommandUser
}

// flags returns the flags of authorized-keys to observe with.
func (e *exam) flags() []string {
	switch {
	case e.Flags != nil:
		return e.Flags
	case e.command.ours:
		return e.command.call.Flags
	}
	return e.usual.call.Flags
}

// flagsErr says why the command's flags are unknown, or is nil. observe needs the same
// flags.
func (e *exam) flagsErr() error {
	switch {
	case e.Flags != nil || e.command.err == nil:
		return nil
	case errors.As(e.command.err, new(*settings.FileError)):
		return errors.New("the settings of the host are wrong")
	}
	return errors.New("the arguments of sshd's command are wrong")
}

// observe observes as the command's user. Root never asks the metadata service and never
// reads its answers, as in a login. It only connects, which distinguishes a missing
// metadata service from one that the user cannot reach.
func (e *exam) observe(ctx context.Context) {
	if e.seenErr = e.flagsErr(); e.seenErr != nil {
		return
	}
	e.seen, e.asAccount = e.observeAsCommand(ctx)
	switch {
	case e.asAccount == nil:
	case e.UID == 0:
		e.seenErr = e.asAccount
	default: // only the command's user may run the chained command
		self := Account{Account: account.Account{UID: uint32(e.UID)}}
		e.seen, e.seenErr = e.observeAs(ctx, self, append(slices.Clone(e.flags()), "--chain="))
	}
	if e.seenErr == nil && e.UID == 0 && e.seen.Service.ConnectError != "" {
		e.dialed = e.dial(ctx)
	}
}

// observeAsCommand observes as the user that the command asks the metadata service as, or
// says why it cannot.
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
		// Only root may run the chained command.
		return e.observeAs(ctx, reader, append(slices.Clone(e.flags()), "--chain="))
	case e.account.UID == 0:
		return Observation{}, errors.New("the command's user is root, and doctor never queries the metadata service as root")
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

// dial reports whether a connection to the metadata service succeeds.
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

// observeAs has another process of this program observe as a user. That process confines
// itself first.
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
		return Observation{}, fmt.Errorf("running %s as uid %d: %w%s", e.Executable, as.UID, err, stderrText(stderr))
	}
	var seen Observation
	if err := json.Unmarshal(stdout, &seen); err != nil {
		return Observation{}, fmt.Errorf("running %s as uid %d: reading its answer: %w", e.Executable, as.UID, err)
	}
	return seen, nil
}

// stderrText returns what a program wrote before it failed, to end an error message with.
func stderrText(stderr []byte) string {
	text := strings.TrimSpace(string(stderr))
	if text == "" {
		return ""
	}
	return fmt.Sprintf(", saying %.300q", text)
}

// checkAsAccount says as which user the following observations were made.
func checkAsAccount(_ context.Context, e *exam) Finding {
	var exit *exec.ExitError
	switch {
	case e.asAccount == nil && e.seenErr != nil:
		return skipped("arguments", "%v", e.seenErr)
	case e.asAccount == nil:
		return ok("works: the checks below are made as user %q", e.reader())
	case e.UID != 0:
		return notChecked("run eic doctor as root", "%v; the checks below are made as uid %d", e.asAccount, e.UID)
	case errors.As(e.asAccount, &exit):
		return broken("check that this user can read the files that the command's flags name", "%v", e.asAccount)
	case errors.Is(e.asAccount, syscall.EACCES) && e.command.ours && e.command.file == e.executable():
		return broken("check the owners and modes of the command's path, and that it is not on a noexec mount", "%v", e.asAccount)
	}
	return skipped("account", "%v", e.asAccount)
}
