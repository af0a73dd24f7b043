package sshd

import (
	"context"
	"slices"
	"strings"
)

// An Override is an option on the command line that sshd is started with. It
// outranks every file, and sshd -T knows nothing of it unless it is told.
type Override struct {
	// Unit is the systemd unit that starts sshd, or empty where the options
	// file of an init script was read instead.
	Unit string
	// File and Line say where the option was written. For a process whose options
	// were written nowhere File is its /proc/PID/cmdline, and Line is 0.
	File string
	Line int
	// Keyword is that of an -o option in lower case, or "-f" for another file in
	// place of sshd_config. In a Survey it is "authorizedkeyscommand",
	// "authorizedkeyscommanduser" or "-f".
	Keyword string
	Value   string
}

// Overrides reads the units that run sshd and returns what they set on the
// command line. On a machine without such units it reads the files with the
// options of the init scripts.
func Overrides(t Tree) ([]Override, error) {
	lines, err := commandLines(t)
	return overrides(lines), err
}

func (h Host) overrides(ctx context.Context) ([]Override, error) {
	lines, err := h.commandLines(ctx)
	return overrides(lines), err
}

func overrides(lines []commandLine) []Override {
	var all []Override
	for _, l := range lines {
		all = append(all, l.overrides()...)
	}
	return all
}

// overrides finds the options that decide over our lines. A command that names
// the directive in a way not understood here, inside sh -c for example, counts
// as one that sets it.
func (l commandLine) overrides() []Override {
	text := l.whole.text
	for _, argument := range l.words {
		text += " " + argument.text
	}
	found := slices.DeleteFunc(l.settings(), func(v Override) bool {
		return DirectiveName(v.Keyword) == "" && v.Keyword != "-f"
	})
	if len(found) == 0 && strings.Contains(strings.ToLower(text), KeysCommand) {
		found = append(found, Override{l.unit, l.whole.file, l.whole.line, KeysCommand, l.whole.text})
	}
	return found
}

type option struct {
	letter string
	value  word
}

// withValue are the letters of sshd's options that have a value (sshd(8)).
const withValue = "CEbcfghkopu"

// options reads arguments as sshd's getopt does and returns the options that
// have a value.
func options(arguments []word) []option {
	var found []option
	for i := 0; i < len(arguments); i++ {
		text := arguments[i].text
		if !strings.HasPrefix(text, "-") || text == "-" || text == "--" {
			break
		}
		at := strings.IndexAny(text[1:], withValue) + 1
		if at == 0 {
			continue
		}
		value := arguments[i]
		value.text = text[at+1:]
		if value.text == "" && i+1 < len(arguments) {
			i++
			value = arguments[i]
		}
		found = append(found, option{"-" + text[at:at+1], value})
	}
	return found
}
