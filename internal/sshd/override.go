package sshd

import (
	"context"
	"slices"
	"strings"
)

// An Override is an option on the command line that sshd is started with. It
// outranks every file, and sshd -T knows nothing of it.
type Override struct {
	// Unit is the systemd unit that starts sshd, or empty where the options
	// file of an init script was read instead.
	Unit string
	// File and Line say where the option was written.
	File string
	Line int
	// Keyword is "authorizedkeyscommand" or "authorizedkeyscommanduser", or "-f"
	// for another file in place of sshd_config.
	Keyword string
	Value   string
}

// Overrides reads the units that run sshd and returns what they set on the
// command line. On a machine without such units it reads the files with the
// options of the init scripts.
func Overrides(t Tree) ([]Override, error) {
	found, err := units(t)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return scriptOverrides(t)
	}
	return unitOverrides(found), nil
}

func unitOverrides(units []unit) []Override {
	var all []Override
	for _, u := range units {
		for _, command := range u.commands {
			all = append(all, commandOverrides(u.name, command, u.arguments(command))...)
		}
	}
	return all
}

// overrides asks systemd for the files of the units where it runs the machine,
// and reads the directories that it reads where it does not.
func (h Host) overrides(ctx context.Context) ([]Override, error) {
	if h.Booted() {
		if found, err := h.loadedUnits(ctx); err == nil && len(found) > 0 {
			return unitOverrides(found), nil
		}
	}
	return Overrides(h.Tree())
}

// scriptOverrides reads the options files of Debian's, RHEL's, SUSE's and
// OpenRC's init scripts.
func scriptOverrides(t Tree) ([]Override, error) {
	var all []Override
	for _, file := range []string{"/etc/conf.d/sshd", "/etc/default/ssh", "/etc/sysconfig/ssh", "/etc/sysconfig/sshd"} {
		data, err := t.ReadIfThere(file)
		if err != nil {
			return nil, err
		}
		for _, value := range environmentLines(file, data) {
			var words []word
			for _, text := range splitUnit(value.text) {
				words = append(words, word{text, value.file, value.line})
			}
			all = append(all, commandOverrides("", value, words)...)
		}
	}
	return all, nil
}

// commandOverrides finds the options of one command line. A command that names
// the directive in a way not understood here, inside sh -c for example, counts
// as one that sets it.
func commandOverrides(unit string, command word, arguments []word) []Override {
	var found []Override
	text := command.text
	for _, argument := range arguments {
		text += " " + argument.text
	}
	for _, option := range options(arguments) {
		keyword, value := option.letter, option.value.text
		if keyword == "-o" {
			keyword, value = ParseLine(value)
		}
		if slices.Contains([]string{KeysCommand, KeysCommandUser, "-f"}, keyword) {
			found = append(found, Override{unit, option.value.file, option.value.line, keyword, value})
		}
	}
	if len(found) == 0 && strings.Contains(strings.ToLower(text), KeysCommand) {
		found = append(found, Override{unit, command.file, command.line, KeysCommand, command.text})
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
