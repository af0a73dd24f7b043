package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"eic/internal/cmdline"
	"eic/internal/settings"
)

// command is one of eic's commands.
type command struct {
	// name may have a second word, such as "policy test". The second word must follow the
	// first on the command line.
	name, summary string
	// arguments describes the arguments in the usage line. least and most bound their
	// number.
	arguments   string
	least, most int
	// about is the description that --help prints.
	about string
	// wrong is the exit status for an error in the command line.
	wrong int
	// task returns a new call of the command. environ is the environment that the process
	// was started with.
	task func(environ []string) task
}

// task is one call of a command. Its methods are called in this order.
type task interface {
	// register adds the command's flags.
	register(line cmdline.Line)
	// check receives the parsed flags and arguments. Its error is an error in the command
	// line.
	check(ctx context.Context, line cmdline.Line) error
	// run does the work and returns the exit status.
	run(ctx context.Context, stdout, stderr io.Writer) int
}

// logger is a task that also logs errors in its command line.
type logger interface {
	logWrong(line cmdline.Line, stderr io.Writer, err error)
}

// call parses the arguments of a command and runs it.
func (c command) call(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	t := c.task(environ)
	line := cmdline.New(c.name, c.arguments, c.least, c.most)
	t.register(line)
	args, misnamed := c.withoutWord(args)
	err := line.Read(args)
	if errors.Is(err, pflag.ErrHelp) {
		line.WriteHelp(stdout, c.about)
		return exitOK
	}
	if misnamed != nil {
		err = misnamed
	}
	if _, ok := t.(privileged); ok && err == nil && os.Getuid() != 0 {
		fmt.Fprintf(stderr, "eic %s must run as root; run: sudo eic %s\n", c.name, c.name)
		return exitFailed
	}
	if err == nil {
		err = t.check(ctx, line)
	}
	if err == nil {
		return t.run(ctx, stdout, stderr)
	}
	reportWrong(line, err, stderr)
	if l, ok := t.(logger); ok {
		l.logWrong(line, stderr, err)
	}
	if m, ok := t.(monitored); ok && m.byMonitor() {
		return exitUnknown
	}
	return c.wrong
}

// withoutWord removes the second word of the command's name from args.
func (c command) withoutWord(args []string) ([]string, error) {
	first, word, two := strings.Cut(c.name, " ")
	switch {
	case !two:
		return args, nil
	case len(args) == 0 || args[0] != word:
		return args, fmt.Errorf("expected %q after %q", word, first)
	}
	return args[1:], nil
}

// privileged is a task that only root can run, because sshd reports its configuration to
// root only. It refuses other users before it reads anything.
type privileged interface{ needsRoot() }

// monitored is a task that a monitoring system may run, with other exit statuses.
type monitored interface{ byMonitor() bool }

// reportWrong reports an error in the command line. It leaves out the usage if a file of
// settings is wrong, where the usage would not help.
func reportWrong(line cmdline.Line, err error, stderr io.Writer) {
	text := fmt.Sprintf("eic %s: %v\n", line.Name(), err)
	if file := new(settings.FileError); !errors.As(err, &file) {
		text += "usage: " + line.Usage() + "\n"
	}
	fmt.Fprint(stderr, text)
}
