// Package cmdline parses the command lines of eic's commands, all in one way.
//
// Flags come before arguments and are never looked for behind one: a user name
// in sshd's command line is never a flag. The package knows no command.
package cmdline

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// Line is what one command is called with: its flags and its arguments.
type Line struct {
	*pflag.FlagSet
	arguments   string
	least, most int
}

// New returns the Line of the command of this name, without flags. arguments
// names its arguments as a usage line does, such as "USER [FINGERPRINT]"; there
// must be at least least of them and at most most.
func New(name, arguments string, least, most int) Line {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SetInterspersed(false)
	flags.SortFlags = false
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	return Line{flags, arguments, least, most}
}

// Read parses args. The error says how the command was called wrongly, or is
// pflag.ErrHelp if help is asked for.
func (l Line) Read(args []string) error {
	err := l.Parse(args)
	switch {
	case err != nil:
		return err
	case l.NArg() < l.least:
		return fmt.Errorf("too few arguments, expected %s", l.arguments)
	case l.misplaced() != "":
		place, _, _ := strings.Cut(l.arguments, " ")
		return fmt.Errorf("%q stands behind %s, expected flags before it", l.misplaced(), strings.Trim(place, "[]"))
	case l.NArg() > l.most:
		return fmt.Errorf("unexpected argument %q", l.Arg(l.most))
	}
	return nil
}

// misplaced returns the first argument behind another one that looks like a flag, or "".
func (l Line) misplaced() string {
	for i, argument := range l.Args() {
		if i > 0 && l.arguments != "" && strings.HasPrefix(argument, "-") {
			return argument
		}
	}
	return ""
}

// Usage returns the command's usage in one line.
func (l Line) Usage() string {
	line := "eic " + l.Name()
	if l.HasFlags() {
		line += " [flags]"
	}
	if l.arguments != "" {
		line += " " + l.arguments
	}
	return line
}

// WriteHelp writes what --help prints: the usage, what the command is about, and
// its flags.
func (l Line) WriteHelp(w io.Writer, about string) {
	fmt.Fprintf(w, "usage: %s\n\n%s\n", l.Usage(), about)
	if l.HasFlags() {
		fmt.Fprintf(w, "\nFlags:\n%s", l.FlagUsagesWrapped(100))
	}
}
