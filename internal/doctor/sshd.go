package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"eic/internal/argv"
	"eic/internal/authorize"
	"eic/internal/settings"
	"eic/internal/sshd"
	"eic/internal/trustedfile"
)

// ownName is the name of this program's file.
const ownName = "eic"

// command is a parsed AuthorizedKeysCommand.
type command struct {
	// program is the path as written, and file the path that its links lead to.
	program, file string
	// old is set if the program is called by its old name.
	old bool
	// ours is set if the program has this program's name.
	ours bool
	// call is how authorized-keys is called for a login of the user, if err is nil.
	call settings.Call
	err  error
}

// policy returns what the command requires of a key. It is empty if that is unknown.
func (c command) policy() authorize.Policy {
	if !c.ours || c.err != nil {
		return authorize.Policy{}
	}
	return c.call.Policy
}

// runAs returns the user that the command becomes if sshd runs it as root, or "".
func (c command) runAs() string {
	if !c.ours || c.err != nil {
		return ""
	}
	return c.call.RunAs
}

// NobodysFingerprint is the fingerprint of a key that does not exist, in the form of
// sshd's %f: the digest of nothing.
const NobodysFingerprint = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"

// parseCommand parses sshd's command, and checks whether it runs this program.
func (e *exam) parseCommand(ctx context.Context, a answer) command {
	if a.err != nil {
		return command{}
	}
	args, err := argv.Split(a.Command)
	if err != nil || len(args) == 0 || !path.IsAbs(args[0]) {
		return command{}
	}
	c := command{program: args[0], file: args[0], old: path.Base(args[0]) == sshd.AWSCommand}
	if file, err := trustedfile.Resolve(e.Root, args[0]); err == nil {
		c.file = file
	}
	if len(args) == 1 {
		args = append(args, "%u") // sshd_config(5): a command without arguments gets the user
	}
	c.ours = path.Base(c.file) == ownName && (c.old || args[1] == "authorized-keys")
	if c.ours {
		c.call, c.err = e.called(ctx, c, args[1:])
	}
	return c
}

// runsEic reports whether a command of another program runs eic, as userdbctl(1) does with
// --chain.
func runsEic(command string) bool {
	args, err := argv.Split(command)
	if err != nil {
		return false
	}
	i := slices.Index(args, sshd.Program)
	return i > 0 && i+1 < len(args) && args[i+1] == "authorized-keys"
}

// called expands the arguments as sshd does for a login of the user, and parses them as
// authorized-keys does.
func (e *exam) called(ctx context.Context, c command, args []string) (settings.Call, error) {
	values := map[byte]string{
		'u': e.User, 'f': NobodysFingerprint,
		'U': "0", 'h': "/", 't': "ssh-ed25519", 'k': "AAAA", 'C': "client", 'D': "domain",
	}
	expanded, err := argv.Expand(args, values)
	if err != nil {
		return settings.Call{}, err
	}
	if c.old {
		expanded = append([]string{"--"}, expanded...)
	} else {
		expanded = expanded[1:]
	}
	call, err := settings.ParseCall(ctx, expanded, e.Files)
	switch {
	case err != nil:
		return settings.Call{}, err
	case call.User != e.User:
		return call, fmt.Errorf("its USER is %q for every login, expected %%u", call.User)
	case call.Fingerprint != "" && call.Fingerprint != NobodysFingerprint:
		return call, fmt.Errorf("its FINGERPRINT is %q for every key, expected %%f", call.Fingerprint)
	}
	return call, nil
}

func checkCommand(ctx context.Context, e *exam) Finding {
	return e.commandFinding(ctx, e.everybody, "")
}

// checkCommandForUser is checkCommand with the Match blocks for the user.
func checkCommandForUser(ctx context.Context, e *exam) Finding {
	same := e.login.err == nil && e.everybody.err == nil &&
		e.login.Command == e.everybody.Command && e.login.Source == e.everybody.Source
	if !same && e.everybody.err == nil {
		return e.commandFinding(ctx, e.login, fmt.Sprintf("for user %q ", e.User))
	}
	if f := e.commandFinding(ctx, e.everybody, ""); f.Verdict != OK {
		return skipped("command", "the same for user %q", e.User)
	}
	return ok("the same for user %q", e.User)
}

// commandFinding says what sshd runs for a login. whose is empty or "for user … ".
func (e *exam) commandFinding(ctx context.Context, a answer, whose string) Finding {
	if a.err != nil {
		return e.unanswered(a.err)
	}
	if a.Command == "" || a.Command == "none" {
		return broken(`run "eic enable"`, "%ssshd runs no AuthorizedKeysCommand%s", whose, setAt(a.Source))
	}
	c := e.parseCommand(ctx, a)
	found := fmt.Sprintf("%ssshd runs %q%s", whose, a.Command, setAt(a.Source))
	switch {
	case c.old && !c.ours:
		return broken(`remove the package ec2-instance-connect, or run "eic enable --replace-ec2-instance-connect"`,
			"%s, which is the older package's script", found)
	case !c.ours && runsEic(a.Command):
		return ok(`%s, which runs eic itself; its output is not checked here`, found)
	case !c.ours:
		return broken(`run "eic enable", which says what is in the way and how to run both`, "%s, which is not eic", found)
	case e.Executable != "" && c.file != e.executable():
		return warning("check the host with "+c.program+" doctor, or remove the eic that is not needed",
			"%s, which is not this eic, %s", found, e.executable())
	case !a.Managed:
		return ok(`%s, set by hand: "eic disable" leaves it`, found)
	}
	return ok("%s", found)
}

// executable returns the path that the links of this program's path lead to.
func (e *exam) executable() string {
	file, err := trustedfile.Resolve(e.Root, e.Executable)
	if err != nil {
		return e.Executable
	}
	return file
}

// unanswered returns the Finding for an sshd whose settings could not be read.
func (e *exam) unanswered(err error) Finding {
	switch {
	case errors.Is(err, sshd.ErrNoServer) && e.Offline:
		return notChecked(`install the OpenSSH server and run "eic enable"`, "%v", err)
	case errors.Is(err, sshd.ErrNoServer):
		return broken(`install the OpenSSH server and run "eic enable"`, "%v", err)
	case errors.Is(err, fs.ErrPermission):
		return notChecked("run eic doctor as root", "%v", err)
	}
	return broken("sshd -t, which names the line to correct", "%v", err)
}

// setAt says where a setting is set.
func setAt(s sshd.Setting) string {
	if s.File == "" {
		return ""
	}
	text := fmt.Sprintf(", set at %s:%d", s.File, s.Line)
	if s.Match != "" {
		text += fmt.Sprintf(" under Match %q", s.Match)
	}
	return text
}

func checkArguments(_ context.Context, e *exam) Finding {
	c := e.command
	switch {
	case !c.ours:
		return skipped("command", "sshd's command for user %q is not eic", e.User)
	case errors.As(c.err, new(*settings.FileError)):
		return skipped("settings", "the settings of the host are wrong")
	case c.err != nil:
		return broken(`write "authorized-keys [flags] %u %f" after the program; "eic authorized-keys --help" lists the flags`, "%v", c.err)
	case len(c.call.Flags) == 0:
		return ok("no flags")
	}
	return ok("flags %q", c.call.Flags)
}
