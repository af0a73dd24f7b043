package sshd

import (
	"slices"
	"strings"
)

// An Override is an option on the command line that starts sshd. It takes precedence over
// every file, and sshd -T does not report it unless given the same option.
type Override struct {
	// Unit is the systemd unit that starts sshd. It is empty if the option is in the
	// options file of an init script.
	Unit string
	// File and Line say where the option is written. If that is unknown for a process,
	// File is its /proc/PID/cmdline and Line is 0.
	File string
	Line int
	// Keyword is the keyword of an -o option, in lower case, or "-f" if another file
	// replaces sshd_config. In a Survey it is "authorizedkeyscommand",
	// "authorizedkeyscommanduser" or "-f".
	Keyword string
	Value   string
}

// Overrides reads the units that run sshd, and returns the overriding options on their
// command lines. If a machine has no such unit, it reads the options files of the init
// scripts.
func Overrides(t Tree) ([]Override, error) {
	lines, err := commandLines(t)
	return overrides(lines), err
}

func overrides(lines []commandLine) []Override {
	var all []Override
	for _, l := range lines {
		all = append(all, l.overrides()...)
	}
	return all
}

// overrides returns the options that override eic's lines. A command line that mentions
// AuthorizedKeysCommand in a form that is not parsed here, for example inside sh -c,
// counts as one that sets it.
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

// withValue are the letters of sshd's options that take a value (sshd(8)).
const withValue = "CEbcfghkopu"

// options parses arguments as sshd's getopt does, and returns the options that take a
// value.
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
