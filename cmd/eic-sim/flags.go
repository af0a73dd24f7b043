package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// command is the flags of one command, in groups, and the rest of its help text.
type command struct {
	name, about string
	groups      []group
	// after is printed after the flags.
	after string
}

type group struct {
	title string
	flags *pflag.FlagSet
}

// group adds a group of flags.
func (c *command) group(title string) *pflag.FlagSet {
	flags := pflag.NewFlagSet(title, pflag.ContinueOnError)
	flags.SortFlags = false
	c.groups = append(c.groups, group{title, flags})
	return flags
}

// parse parses args, which may be flags only. done is true if the command ends here,
// after an error or a request for help.
func (c *command) parse(args []string, stdout, stderr io.Writer) (status int, done bool) {
	all := pflag.NewFlagSet(c.name, pflag.ContinueOnError)
	all.SetOutput(io.Discard)
	all.Usage = func() {}
	for _, g := range c.groups {
		all.AddFlagSet(g.flags)
	}
	err := all.Parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(stdout, c.help())
		return exitOK, true
	case err == nil && all.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", all.Arg(0))
	}
	if err != nil {
		return wrong(stderr, c.name, err), true
	}
	return exitOK, false
}

// width is the number of columns of help text.
const width = 100

func (c *command) help() string {
	var text strings.Builder
	text.WriteString(c.about + "\n\nUsage: eic-sim " + c.name)
	if len(c.groups) > 0 {
		text.WriteString(" [flags]")
	}
	text.WriteString("\n")
	for _, g := range c.groups {
		text.WriteString("\n" + g.title + ":\n" + g.flags.FlagUsagesWrapped(width))
	}
	text.WriteString(c.after)
	return text.String()
}
