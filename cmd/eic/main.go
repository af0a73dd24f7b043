// Command eic is EC2 Instance Connect for an instance. sshd runs it to learn which keys
// may log in, and administrators run it to learn why.
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

// Exit statuses. If the status is not 0, sshd discards every key already printed.
const (
	exitOK     = 0
	exitFailed = 1 // could not answer
	exitUsage  = 2 // called wrongly
)

// oldName is the name of the AWS script that this program replaces.
const oldName = sshd.AWSCommand

func main() {
	if err := confine.Undumpable(); err != nil {
		fmt.Fprintf(os.Stderr, "eic: %v\n", err)
		os.Exit(exitFailed)
	}
	stdout := newStdout(os.Getenv, os.Stdout)
	// The environment must not influence trust or requests, whether through this program,
	// the Go runtime or a library. Only a chained command receives it.
	environ := os.Environ()
	os.Clearenv()
	// Libraries may log untrusted text to the standard logger. It must not reach sshd's
	// stderr.
	log.SetOutput(io.Discard)
	// sshd up to 7.4 may stop reading once it has its key. If this process then died of
	// SIGPIPE, sshd would discard the key.
	signal.Ignore(syscall.SIGPIPE)
	status := exitFailed
	// The runtime has read GODEBUG by now. With fips140=only, SHA-1 would panic, and OCSP
	// identifies certificates by SHA-1.
	fips140.WithoutEnforcement(func() {
		status = run(context.Background(), os.Args, environ, stdout, os.Stderr)
	})
	os.Exit(status)
}

// commands returns all of eic's commands.
func commands() []command {
	return []command{
		{"authorized-keys", "print the keys that may log in as a user (for sshd's AuthorizedKeysCommand)",
			settings.CallArguments, 1, 2, authorizedKeysAbout, exitUsage,
			func(environ []string) task { return &authorizedKeys{call: settings.NewCall(), environ: environ} }},
		{"doctor", "check that logins with pushed keys work on this host, or will on this image",
			"", 0, math.MaxInt, doctorAbout, exitBroken, func([]string) task { return &examination{} }},
		{"enable", "make sshd run eic, unless it already runs another command",
			"", 0, 0, enableAbout, exitUsage, func([]string) task { return &enabling{} }},
		{"disable", "remove from sshd's configuration what enable added",
			"", 0, 0, disableAbout, exitUsage, func([]string) task { return &disabling{} }},
		{"explain", "show step by step which keys may log in as a user, and why others may not",
			settings.CallArguments, 1, 2, explainAbout, exitUsage,
			func([]string) task { return &explanation{call: settings.NewCall()} }},
		{"policy test", "say whether the settings accept a key that a caller pushes for a user",
			"USER ARN", 2, 2, policyAbout, exitUsage, func([]string) task { return &policyQuestion{} }},
		{"verify", "verify saved evidence of explain again, offline",
			"[DIR]", 0, 1, verifyAbout, exitUsage, func([]string) task { return &verification{} }},
		{versionCommand, "print version, commit and Go version",
			"", 0, 0, versionAbout, exitUsage, func([]string) task { return &versionTask{} }},
	}
}

// run runs one command line and returns its exit status. args[0] is the name by which the
// program was called.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	stderr = printable.Writer{To: stderr} // errors may quote untrusted text
	if len(args) == 0 {
		args = []string{"eic"}
	}
	if filepath.Base(args[0]) == oldName {
		// The scripts had no flags, so the first argument is a user, whatever it looks
		// like.
		args = append([]string{"eic", "authorized-keys", "--"}, args[1:]...)
	}
	if len(args) < 2 {
		usage(stderr)
		return exitUsage
	}
	name, rest := args[1], args[2:]
	switch name {
	case othercommand.Supervisor: // only eic itself calls it, so it is not listed
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // the command would inherit an ignored signal
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
	fmt.Fprint(w, "\n\"eic COMMAND --help\" describes the flags of a command.\n")
}
