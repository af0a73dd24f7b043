package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// flagSet is one command's flags and what its --help says beside them.
type flagSet struct {
	*pflag.FlagSet
	arguments, about string
}

func newFlags(name, arguments, about string) flagSet {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SetInterspersed(false) // a user name after USER's place is never a flag
	flags.SortFlags = false
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	return flagSet{flags, arguments, about}
}

// parse parses args, of which least to most must remain as arguments. If that
// ends the command, because it is in error or asks for help, done is true.
func (f flagSet) parse(args []string, least, most int, stdout, stderr io.Writer) (status int, done bool) {
	err := f.read(args, least, most)
	switch {
	case err == nil:
		return exitOK, false
	case errors.Is(err, pflag.ErrHelp):
		f.help(stdout)
		return exitOK, true
	default:
		f.wrong(stderr, err)
		return exitUsage, true
	}
}

// read is parse for a command that has its own way to tell of an error. The
// error is pflag.ErrHelp if help is asked for.
func (f flagSet) read(args []string, least, most int) error {
	err := f.Parse(args)
	switch {
	case err == nil && f.NArg() < least:
		err = fmt.Errorf("too few arguments, expected %s", f.arguments)
	case err == nil && f.misplaced() != "":
		place, _, _ := strings.Cut(f.arguments, " ")
		err = fmt.Errorf("%q stands behind %s, expected flags before it", f.misplaced(), strings.Trim(place, "[]"))
	case err == nil && f.NArg() > most:
		err = fmt.Errorf("unexpected argument %q", f.Arg(most))
	}
	return err
}

// misplaced returns the first argument behind another one that looks like a flag, or "".
func (f flagSet) misplaced() string {
	for i, argument := range f.Args() {
		if i > 0 && f.arguments != "" && strings.HasPrefix(argument, "-") {
			return argument
		}
	}
	return ""
}

// wrong tells the caller how the command was called wrongly.
func (f flagSet) wrong(stderr io.Writer, err error) {
	fmt.Fprintf(stderr, "eic %s: %v\nusage: %s\n", f.Name(), err, f.line())
}

func (f flagSet) line() string {
	line := "eic " + f.Name()
	if f.HasFlags() {
		line += " [flags]"
	}
	if f.arguments != "" {
		line += " " + f.arguments
	}
	return line
}

func (f flagSet) help(w io.Writer) {
	fmt.Fprintf(w, "usage: %s\n\n%s\n", f.line(), f.about)
	if f.HasFlags() {
		fmt.Fprintf(w, "\nFlags:\n%s", f.FlagUsagesWrapped(100))
	}
}
