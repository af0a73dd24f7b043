// Package doctor examines a host, or the image of one, for everything that a login with a
// pushed key depends on. It says what is wrong and what to do about it.
//
// The package changes nothing. It first observes: it asks sshd what it runs, and asks the
// metadata service as the user that sshd runs eic as. Each check is then a small function
// of these observations. The package does not verify a user's pushed keys; package
// explain does.
package doctor

import (
	"context"
	"io/fs"
	"time"

	"eic/internal/settings"
	"eic/internal/sshd"
)

// Host is the host to examine, and the means to do so.
type Host struct {
	// Root is the root of the file system. It must implement fs.ReadLinkFS, and the Sys
	// of its files must be a *syscall.Stat_t.
	Root fs.FS
	// SSHD is the sshd of the same file system.
	SSHD sshd.Host
	// Run runs a program of the same file system.
	Run sshd.Runner
	// RunAs runs a program as a user. If UID is not 0, everything is observed as the
	// calling user.
	RunAs RunAs
	// Dial connects to a TCP address "ADDRESS:PORT" and hangs up.
	Dial func(ctx context.Context, address string) error
	// Program is the name and version of this program, and Name the name of the machine.
	Program, Name string
	// Executable is the path of this program.
	Executable string
	// UID is the uid of the calling user.
	UID int
	// Now is the time.
	Now time.Time

	// User is the user whose logins are examined. Named is set if the caller named this
	// user. Otherwise User stands for any user, and the account is not examined.
	User  string
	Named bool
	// Offline skips everything that needs a metadata service, for an image that is being
	// built. The image need not be on EC2, and its sshd need not run.
	Offline bool
	// Flags are the flags of authorized-keys to use. If nil, those of sshd's own command
	// are used.
	Flags []string

	// Files says where settings come from besides the flags in sshd's command.
	Files settings.Files
	// Label returns the SELinux label of a file.
	Label func(name string) (string, error)
}

// check is one check of the list.
type check struct {
	id, title string
	run       func(context.Context, *exam) Finding
}

// checks returns the checks in the order of a login: sshd, the command, the metadata
// service, the signer. The checks of surroundings come last.
func checks(offline, named bool) []check {
	list := []check{
		{"command", "sshd's command", checkCommand},
		{"command-for-user", "sshd's command for the user", checkCommandForUser},
	}
	if named {
		// The check of the settings is not part of Login: "eic explain" reports the
		// policy for each key.
		list = append(append(list, loginChecks()...), check{"user-policy", "this host's settings about the user", checkUserPolicy})
	}
	list = append(list, publicKeyChecks()...)
	list = append(list,
		check{"settings", "settings of the host", checkSettings},
		check{"arguments", "the command's arguments", checkArguments},
		check{"path", "owners and modes of the command's path", checkPath},
		check{"account", "the command's user", checkAccount},
		check{"command-users", "every AuthorizedKeysCommandUser", checkCommandUsers},
		check{"principals", "AuthorizedPrincipalsCommand", checkPrincipals},
		check{"as-user", "running as the command's user", checkAsAccount},
		check{"identity", "which instance this is", checkIdentity},
		check{"trust-anchors", "trust anchors", checkAnchors},
	)
	if offline {
		list = append(list, check{"self-test", "self-test", checkSelf})
	} else {
		list = append(list, metadataChecks()...)
	}
	list = append(list,
		check{"system-log", "system log", checkSystemLog},
		check{"selinux", "SELinux domain", checkSELinux},
	)
	if !offline {
		list = append(list, check{"selinux-denials", "SELinux denials", checkDenials})
	}
	return append(list, check{"older-package", "older ec2-instance-connect package", checkAWSPackage})
}

// metadataChecks returns the checks of a running instance.
func metadataChecks() []check {
	return []check{
		{"metadata", "metadata service", checkReach},
		{"metadata-as-user", "metadata service, as the command's user", checkReachAsUser},
		{"metadata-hops", "hop limit of the token", checkHops},
		{"metadata-v2", "IMDSv2", checkToken},
		{"metadata-ipv6", "metadata service over IPv6", checkIPv6},
		{"metadata-instance", "instance id", checkInstanceID},
		{"region", "region", checkRegion},
		{"domain", "domain", checkDomain},
		{"signer", "signer and its staples", checkSigner},
		{"clock", "clock", checkClock},
		{"trial", "trial run as sshd would", checkTrial},
		{"chained-command", "the chained command", checkChained},
	}
}

// Login makes the checks of what sshd does with a login of the user and a pushed key. It
// also returns how sshd runs eic for that login; the error is that of the Call. Login
// asks only sshd and the sources of accounts.
func Login(ctx context.Context, h Host) (Report, Invocation, error) {
	h.Named = true
	e := &exam{Host: h}
	e.askSSHD(ctx)
	r := h.newReport()
	list := []check{{"command-for-user", "sshd's command for the user", checkCommandForUser}}
	if e.login.Command == e.everybody.Command {
		list[0] = check{"command", "sshd's command", checkCommand}
	}
	list = append(append(list, loginChecks()...), publicKeyChecks()...)
	list = append(list,
		check{"arguments", "the command's arguments", checkArguments},
		check{"path", "owners and modes of the command's path", checkPath},
		check{"account", "the command's user", checkAccount},
	)
	for _, c := range list {
		r.add(c.id, c.title, c.run(ctx, e))
	}
	r.Keys = e.keyPolicy(e.login.Effective)
	invocation, err := e.invocation(ctx)
	return r, invocation, err
}

func (h Host) newReport() Report {
	r := Report{Schema: schema, Program: h.Program, Time: h.Now.UTC().Truncate(time.Second), Host: h.Name, Verdict: OK}
	if h.Named {
		r.User = h.User
	}
	return r
}

// Examine makes every check. It takes at most three times as long as the time limit for
// the metadata service.
func Examine(ctx context.Context, h Host) Report {
	e := newExam(ctx, h)
	r := h.newReport()
	r.InstanceID = e.seen.Identity.ID
	r.SignerUntil, r.ClockOffset = e.seen.Service.SignerUntil, e.seen.Service.ClockOffset
	for _, c := range checks(h.Offline, h.Named) {
		r.add(c.id, c.title, c.run(ctx, e))
		e.made = r.Checks
	}
	return r
}
