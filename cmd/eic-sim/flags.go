package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// command is one command's flags, in groups, and what its help says around them.
type command struct {
	name, about string
	groups      []group
	// after is put behind the flags.
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

// parse parses args, which are flags only. If that ends the command, because it
// is in error or asks for help, done is true.
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

// width is how many columns help text takes.
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
