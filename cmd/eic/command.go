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
	// name may have a second word, such as "policy test", which must follow the first.
	name, summary string
	// arguments are those of the usage line; least to most of them are taken.
	arguments   string
	least, most int
	// about is what --help says of the command.
	about string
	// wrong is the exit status of a command line that is wrong.
	wrong int
	// task returns a call of the command. environ is the environment that was
	// found.
	task func(environ []string) task
}

// task is one call of a command. Its methods are called in this order.
type task interface {
	// register adds the command's flags.
	register(line cmdline.Line)
	// check takes flags and arguments as they were read. Its error says how the
	// command was called wrongly.
	check(ctx context.Context, line cmdline.Line) error
	// run does the work and returns the exit status.
	run(ctx context.Context, stdout, stderr io.Writer) int
}

// logger is a task that also logs that it was called wrongly.
type logger interface {
	logWrong(line cmdline.Line, stderr io.Writer, err error)
}

// call parses the arguments of a command and carries it out.
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
	tellWrong(line, err, stderr)
	if l, ok := t.(logger); ok {
		l.logWrong(line, stderr, err)
	}
	if m, ok := t.(monitored); ok && m.byMonitor() {
		return exitUnknown
	}
	return c.wrong
}

// withoutWord takes the second word of the command's name off args.
func (c command) withoutWord(args []string) ([]string, error) {
	first, word, two := strings.Cut(c.name, " ")
	switch {
	case !two:
		return args, nil
	case len(args) == 0 || args[0] != word:
		return args, fmt.Errorf("expected %q behind %q", word, first)
	}
	return args[1:], nil
}

// privileged is a task that only root can carry out: sshd tells nobody else its
// configuration. Anybody else is told so before anything else is read.
type privileged interface{ needsRoot() }

// monitored is a task that may be run by a monitoring system, whose exit
// statuses are others.
type monitored interface{ byMonitor() bool }

// tellWrong tells the caller how the command was called wrongly. The usage is no
// help against a file of settings that is wrong.
func tellWrong(line cmdline.Line, err error, stderr io.Writer) {
	text := fmt.Sprintf("eic %s: %v\n", line.Name(), err)
	if file := new(settings.FileError); !errors.As(err, &file) {
		text += "usage: " + line.Usage() + "\n"
	}
	fmt.Fprint(stderr, text)
}
