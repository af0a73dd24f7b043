// Eic-sim simulates AWS for tests and demonstrations of EC2 Instance Connect: an instance
// metadata service, the APIs that clients call, and the Endpoint's tunnel. It is not for
// production.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

const about = `eic-sim simulates AWS for tests and demonstrations of EC2 Instance Connect: an
instance metadata service, the APIs that clients call, and the tunnel to an
instance without a public address. It is not for production.

Usage: eic-sim COMMAND [flags]

  serve     run the simulator until it is interrupted
  env       print shell commands that make AWS's own clients call the simulator
  push      push a key as "aws ec2-instance-connect send-ssh-public-key" does
  faults    list the faults that can be simulated, one per line
  version   print the version

"eic-sim COMMAND --help" describes a command.
`

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) < 2 {
		fmt.Fprint(stderr, about)
		return exitUsage
	}
	command, args := args[1], args[2:]
	switch command {
	case "serve":
		return runServe(ctx, args, stdout, stderr)
	case "env":
		return runEnv(args, stdout, stderr)
	case "push":
		return runPush(ctx, args, stdout, stderr)
	case "faults":
		return runFaults(args, stdout, stderr)
	case "version":
		return runVersion(args, stdout, stderr)
	case "help", "--help", "-h":
		fmt.Fprint(stdout, about)
		return exitOK
	}
	return wrong(stderr, "", fmt.Errorf("unknown command %q", command))
}

// wrong reports an error in the command line.
func wrong(stderr io.Writer, command string, err error) int {
	name := "eic-sim"
	if command != "" {
		name += " " + command
	}
	fmt.Fprintf(stderr, "%s: %v\nTry \"%s --help\".\n", name, err, name)
	return exitUsage
}

func failed(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "eic-sim: %v\n", err)
	return exitFailed
}
