// Package cmdline parses the command lines of all of eic's commands in the same way.
//
// Flags come before arguments. Nothing after the first argument is parsed as a flag, so a
// user name in sshd's command line can never become one. The package knows no particular
// command.
package cmdline

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// Line is the command line of one command: its flags and its arguments.
type Line struct {
	*pflag.FlagSet
	arguments   string
	least, most int
}

// New returns the Line of the command called name, without flags. arguments describes its
// arguments as in a usage line, such as "USER [FINGERPRINT]". There must be at least
// least and at most most of them.
func New(name, arguments string, least, most int) Line {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SetInterspersed(false)
	flags.SortFlags = false
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	return Line{flags, arguments, least, most}
}

// Read parses args. Its error says what is wrong with the command line, or is
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
		return fmt.Errorf("%q comes after %s, expected flags before it", l.misplaced(), strings.Trim(place, "[]"))
	case l.NArg() > l.most:
		return fmt.Errorf("unexpected argument %q", l.Arg(l.most))
	}
	return nil
}

// misplaced returns the first argument after another one that looks like a flag, or "".
func (l Line) misplaced() string {
	for i, argument := range l.Args() {
		if i > 0 && l.arguments != "" && strings.HasPrefix(argument, "-") {
			return argument
		}
	}
	return ""
}

// Usage returns the usage of the command on one line.
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

// WriteHelp writes the text of --help: the usage, a description, and the flags.
func (l Line) WriteHelp(w io.Writer, about string) {
	fmt.Fprintf(w, "usage: %s\n\n%s\n", l.Usage(), about)
	if l.HasFlags() {
		fmt.Fprintf(w, "\nFlags:\n%s", l.flagUsages())
	}
}

// flagUsages describes the flags. A value that may be left out stands in brackets, as in
// "--chain[=COMMAND]": pflag shows what the flag then means to the program.
func (l Line) flagUsages() string {
	usages := l.FlagUsagesWrapped(100)
	l.VisitAll(func(f *pflag.Flag) {
		if f.NoOptDefVal == "" || f.Value.Type() != "string" {
			return
		}
		value, _ := pflag.UnquoteUsage(f)
		shown := fmt.Sprintf("--%s %s[=%q]", f.Name, value, f.NoOptDefVal)
		plain := fmt.Sprintf("--%s[=%s]", f.Name, value)
		usages = strings.Replace(usages, shown, plain+strings.Repeat(" ", len(shown)-len(plain)), 1)
	})
	return usages
}
