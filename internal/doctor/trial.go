package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// RunAs runs the program at a path as a user. args[0] is the name by which the program is
// called. RunAs returns the output of the program, and an error if it could not be run or
// did not exit with 0.
type RunAs func(ctx context.Context, as Account, file string, args ...string) (stdout, stderr []byte, err error)

// ExecAs is the RunAs that executes programs, in the directory / and with the environment
// that sshd gives an AuthorizedKeysCommand. Only root can run a program as another user.
func ExecAs(ctx context.Context, as Account, file string, args ...string) (stdout, stderr []byte, err error) {
	var out, errs bounded
	cmd := exec.CommandContext(ctx, file)
	cmd.Args, cmd.Dir = args, "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "USER=" + as.Name, "LOGNAME=" + as.Name, "HOME=" + as.Home}
	cmd.Stdout, cmd.Stderr = &out, &errs
	credential := &syscall.Credential{Uid: as.UID, Gid: as.GID}
	for _, group := range as.Groups {
		credential.Groups = append(credential.Groups, group.GID)
	}
	if as.UID != uint32(os.Getuid()) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	}
	err = cmd.Run()
	return out.Bytes(), errs.Bytes(), err
}

// maxWritten is how much a program that runs as another user may write, in bytes.
const maxWritten = 1 << 20

// bounded is a buffer that refuses more than maxWritten bytes.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxWritten {
		return 0, fmt.Errorf("more than %d bytes of output", maxWritten)
	}
	return b.Buffer.Write(p)
}

// Dial is the Host.Dial that connects from this process.
func Dial(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// runTimeout is longer than any budget of authorized-keys.
const runTimeout = 65 * time.Second

// checkTrial runs the command as sshd would for a login of the user, with the fingerprint
// of a key that does not exist. sshd discards every key if the command fails.
func checkTrial(ctx context.Context, e *exam) Finding {
	if f, bad := e.uncallable(); bad {
		return f
	}
	switch {
	case e.accountErr != nil:
		return skipped("account", "the command must run as user %q", e.accountName())
	case e.UID != 0:
		return notChecked("run eic doctor as root", "the command must run as user %q", e.accountName())
	}
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	start := time.Now()
	_, stderr, err := e.RunAs(ctx, e.account, e.command.program, e.trialArguments()...)
	took := time.Since(start).Round(time.Millisecond)
	var exit *exec.ExitError
	switch cause := e.firstBroken(); {
	case errors.As(err, &exit) && cause != "":
		return skipped(cause, "fails too: %s as user %q: %v after %s%s", e.command.program, e.account.Name, err, took, stderrText(stderr))
	case errors.As(err, &exit):
		return broken(fmt.Sprintf("run \"eic explain %s\", and see the system log", e.User),
			"%s as user %q: %v after %s%s", e.command.program, e.account.Name, err, took, stderrText(stderr))
	case err != nil:
		return broken("check the owners and modes of the command's path, and that it is not on a noexec mount",
			"%s as user %q: %v", e.command.program, e.account.Name, err)
	}
	return ok("exit status 0 after %s for user %q", took, e.User)
}

// uncallable reports whether eic's command cannot be tried. The Finding says why.
func (e *exam) uncallable() (Finding, bool) {
	switch {
	case !e.command.ours:
		return skipped("command", "sshd's command for user %q is not eic", e.User), true
	case e.command.err != nil:
		return skipped("arguments", "the arguments of sshd's command are wrong"), true
	}
	return Finding{}, false
}

// firstBroken returns a broken check among those that explain why the command fails.
func (e *exam) firstBroken() string {
	causes := []string{
		"settings", "identity", "trust-anchors", "metadata", "metadata-as-user", "metadata-hops", "metadata-v2",
		"metadata-instance", "region", "domain", "signer",
	}
	for _, c := range e.made {
		if c.Verdict == Broken && slices.Contains(causes, c.ID) {
			return c.ID
		}
	}
	return ""
}

// trialArguments returns sshd's arguments, with a flag that keeps the trial out of the
// system log.
func (e *exam) trialArguments() []string {
	args := []string{e.command.program}
	if !e.command.old {
		args = append(append(args, "authorized-keys"), e.command.call.Flags...)
		args = append(args, "--log", "stderr")
	}
	args = append(args, e.User)
	if e.command.call.Fingerprint != "" {
		args = append(args, e.command.call.Fingerprint)
	}
	return args
}

// checkChained reports how the chained command ended when it ran alone. The trial of the
// whole command does not show such a failure, because eic exits with 0 anyway.
func checkChained(_ context.Context, e *exam) Finding {
	if f, bad := e.uncallable(); bad {
		return f
	}
	line := e.command.call.Chain.String()
	switch {
	case line == "":
		return ok("no command is chained")
	case e.command.runAs() != "":
		return notChecked(strings.NewReplacer("%u", e.User, "%f", NobodysFingerprint, "%%", "%").Replace(line), "only root can run %q", line)
	case e.asAccount != nil:
		return skipped("as-user", "the command must run as user %q", e.accountName())
	case e.seen.ChainedError != "":
		byHand := strings.NewReplacer("%u", e.User, "%f", NobodysFingerprint, "%%", "%").Replace(line)
		return warning(fmt.Sprintf("runuser -u %s -- %s", e.account.Name, byHand),
			"%q as user %q: %s; users with its keys cannot log in", line, e.account.Name, e.seen.ChainedError)
	}
	return ok("%q succeeds as user %q", line, e.account.Name)
}
