// Command eic is EC2 Instance Connect for the instance: sshd asks it which
// keys may log in, and administrators ask it why.
package main

import (
	"context"
	"crypto/fips140"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"eic/internal/confine"
	"eic/internal/othercommand"
	"eic/internal/printable"
	"eic/internal/settings"
	"eic/internal/sshd"
)

// Exit statuses. sshd discards every key already printed unless it is 0.
const (
	exitOK     = 0
	exitFailed = 1 // could not answer
	exitUsage  = 2 // called wrongly
)

// oldName is the name of AWS's script that this program takes the place of.
const oldName = sshd.AWSCommand

func main() {
	if err := confine.Undumpable(); err != nil {
		fmt.Fprintf(os.Stderr, "eic: %v\n", err)
		os.Exit(exitFailed)
	}
	stdout := newStdout(os.Getenv, os.Stdout)
	// Nothing in the environment may steer what is trusted or asked, be it
	// through this program, the Go runtime or a library. It is kept for a
	// chained command alone.
	environ := os.Environ()
	os.Clearenv()
	// What libraries tell the standard logger may be the other side's words,
	// which have no business on sshd's stderr.
	log.SetOutput(io.Discard)
	// sshd up to 7.4 may stop reading once it has what it wants. Dying of
	// SIGPIPE would make it discard that.
	signal.Ignore(syscall.SIGPIPE)
	status := exitFailed
	// The runtime has read GODEBUG by now. With fips140=only in it, SHA-1 would
	// panic, by which OCSP names certificates.
	fips140.WithoutEnforcement(func() {
		status = run(context.Background(), os.Args, environ, stdout, os.Stderr)
	})
	os.Exit(status)
}

// commands returns all of eic's commands.
func commands() []command {
	return []command{
		{"authorized-keys", "print the keys that may log in as a user (sshd's AuthorizedKeysCommand)",
			settings.CallArguments, 1, 2, authorizedKeysAbout, exitUsage,
			func(environ []string) task { return &authorizedKeys{call: settings.NewCall(), environ: environ} }},
		{"doctor", "check that logins with pushed keys work on this host, or will on this image",
			"", 0, math.MaxInt, doctorAbout, exitBroken, func([]string) task { return &examination{} }},
		{"enable", "make sshd ask eic, unless somebody else's command is in force",
			"", 0, 0, enableAbout, exitUsage, func([]string) task { return &enabling{} }},
		{"disable", "take out of sshd's configuration what enable put in",
			"", 0, 0, disableAbout, exitUsage, func([]string) task { return &disabling{} }},
		{"explain", "tell step by step which keys may log in as a user, and why others may not",
			settings.CallArguments, 1, 2, explainAbout, exitUsage,
			func([]string) task { return &explanation{call: settings.NewCall()} }},
		{"policy test", "tell whether this host's settings, or a file, accept a key of a caller for a user",
			"USER ARN", 2, 2, policyAbout, exitUsage, func([]string) task { return &policyQuestion{} }},
		{"verify", "verify again, offline, the evidence that explain kept",
			"[DIR]", 0, 1, verifyAbout, exitUsage, func([]string) task { return &verification{} }},
		{versionCommand, "print version, commit and Go version",
			"", 0, 0, versionAbout, exitUsage, func([]string) task { return &versionTask{} }},
	}
}

// run carries out one command line and returns its exit status. args[0] is the
// name that the program was called by.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	stderr = printable.Writer{To: stderr} // errors may repeat what others wrote
	if len(args) == 0 {
		args = []string{"eic"}
	}
	if filepath.Base(args[0]) == oldName {
		// The scripts took no flags, so whatever sshd passes is a user.
		args = append([]string{"eic", "authorized-keys", "--"}, args[1:]...)
	}
	if len(args) < 2 {
		usage(stderr)
		return exitUsage
	}
	name, rest := args[1], args[2:]
	switch name {
	case othercommand.Supervisor: // of eic's own calls, so not listed
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // one that is ignored would be in the command too
		return othercommand.Supervise(rest, environ, os.Stdin, stderr)
	case "help", "--help", "-h":
		usage(stdout)
		return exitOK
	case "--version":
		name, rest = versionCommand, nil
	}
	var names []string
	for _, c := range commands() {
		first, _, _ := strings.Cut(c.name, " ")
		if first == name {
			return c.call(ctx, rest, environ, stdout, stderr)
		}
		names = append(names, first)
	}
	fmt.Fprintf(stderr, "eic: there is no command %q; expected one of %s\n", name, strings.Join(names, ", "))
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprint(w, "eic: EC2 Instance Connect for the instance\n\nusage: eic COMMAND [flags] [arguments]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-17s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\n\"eic COMMAND --help\" describes a command's flags.\n")
}
