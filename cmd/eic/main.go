// Command eic is EC2 Instance Connect for the instance: sshd asks it which
// keys may log in, and administrators ask it why.
package main

import (
	"context"
	"crypto/fips140"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"eic/internal/printable"
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

// command is one of eic's commands.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string, stdout, stderr io.Writer) int
}

// commands returns them all. environ is the environment that was found.
func commands(environ []string) []command {
	return []command{
		{"authorized-keys", "print the keys that may log in as a user (sshd's AuthorizedKeysCommand)",
			func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
				return runAuthorizedKeys(ctx, args, environ, stdout, stderr)
			}},
		{"doctor", "check that logins with pushed keys work on this host, or will on this image", runDoctor},
		{"enable", "make sshd ask eic, unless somebody else's command is in force", runEnable},
		{"disable", "take out of sshd's configuration what enable put in", runDisable},
		{"explain", "tell step by step which keys may log in as a user, and why others may not", runExplain},
		{"verify", "judge again, offline, the evidence that explain kept", runVerify},
		{"version", "print version, commit and Go version", runVersion},
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
		return runAuthorizedKeys(ctx, append([]string{"--"}, args[1:]...), environ, stdout, stderr)
	}
	if len(args) < 2 {
		usage(stderr)
		return exitUsage
	}
	switch name := args[1]; name {
	case "help", "--help", "-h":
		usage(stdout)
		return exitOK
	case "--version":
		return runVersion(ctx, nil, stdout, stderr)
	default:
		for _, c := range commands(environ) {
			if c.name == name {
				return c.run(ctx, args[2:], stdout, stderr)
			}
		}
		fmt.Fprintf(stderr, "eic: there is no command %q; expected one of %s\n", name, strings.Join(commandNames(), ", "))
		return exitUsage
	}
}

func commandNames() []string {
	var names []string
	for _, c := range commands(nil) {
		names = append(names, c.name)
	}
	return names
}

func usage(w io.Writer) {
	fmt.Fprint(w, "eic: EC2 Instance Connect for the instance\n\nusage: eic COMMAND [flags] [arguments]\n\n")
	for _, c := range commands(nil) {
		fmt.Fprintf(w, "  %-17s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\n\"eic COMMAND --help\" describes a command's flags.\n")
}
