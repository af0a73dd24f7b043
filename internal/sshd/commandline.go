package sshd

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A commandLine is a command line that starts sshd, or would start it.
type commandLine struct {
	// unit is empty if the command line is not from a systemd unit.
	unit string
	// whole is the line as written, and words are its arguments.
	whole word
	words []word
}

// settings returns the options that set something, each -o and -f, as Overrides.
func (l commandLine) settings() []Override {
	var found []Override
	for _, option := range options(l.words) {
		keyword, value := option.letter, option.value.text
		switch option.letter {
		case "-o":
			keyword, value = ParseLine(value)
		case "-f":
		default:
			continue
		}
		found = append(found, Override{l.unit, option.value.file, option.value.line, keyword, value})
	}
	return found
}

// commandLines returns the command lines of the units that run sshd or, on a machine
// without such units, of the init scripts.
func commandLines(t Tree) ([]commandLine, error) {
	found, err := units(t)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return scriptLines(t)
	}
	return unitLines(found), nil
}

// commandLines asks systemd for the files of the units if systemd runs the machine, or
// else reads systemd's directories.
func (h Host) commandLines(ctx context.Context) ([]commandLine, error) {
	if h.Booted() {
		if found, err := h.loadedUnits(ctx); err == nil && len(found) > 0 {
			return unitLines(found), nil
		}
	}
	return commandLines(h.Tree())
}

func unitLines(units []unit) []commandLine {
	var lines []commandLine
	for _, u := range units {
		for _, command := range u.commands {
			lines = append(lines, commandLine{u.name, command, u.arguments(command)})
		}
	}
	return lines
}

// scriptLines reads the options files of the init scripts of Debian, RHEL, SUSE and
// OpenRC.
func scriptLines(t Tree) ([]commandLine, error) {
	var lines []commandLine
	for _, file := range []string{"/etc/conf.d/sshd", "/etc/default/ssh", "/etc/sysconfig/ssh", "/etc/sysconfig/sshd"} {
		data, err := t.ReadIfThere(file)
		if err != nil {
			return nil, err
		}
		variables := environmentLines(file, data)
		for _, name := range slices.Sorted(maps.Keys(variables)) {
			value := variables[name]
			var words []word
			for _, text := range splitUnit(value.text) {
				words = append(words, word{text, value.file, value.line})
			}
			lines = append(lines, commandLine{"", value, words})
		}
	}
	return lines, nil
}

// settingsInUse returns the settings on the command line of the listening sshd. If no sshd
// listens, or its command line is unknown, running is false and the settings are those of
// the command line that would start sshd.
func (h Host) settingsInUse(ctx context.Context) (settings []Override, running bool, err error) {
	lines, err := h.commandLines(ctx)
	if err != nil {
		return nil, false, err
	}
	if running, known := h.runningLine(ctx, lines); known {
		var written []Override
		for _, l := range lines {
			written = append(written, l.settings()...)
		}
		found := running.settings()
		for i, v := range found {
			same := func(w Override) bool { return w.Keyword == v.Keyword && w.Value == v.Value }
			if at := slices.IndexFunc(written, same); at >= 0 {
				found[i] = written[at]
			}
		}
		return found, true, nil
	}
	return startSettings(lines), false, nil
}

// startSettings returns the settings of the command line that would start sshd.
func startSettings(lines []commandLine) []Override {
	if len(lines) > 0 && lines[0].unit != "" {
		return lines[0].settings() // ssh.service and ssh@.service are alternatives; the first counts
	}
	var all []Override
	for _, l := range lines {
		all = append(all, l.settings()...) // an init script may use any of its variables
	}
	return all
}

// configFile returns the existing file that the last option -f names. It returns "" if
// there is no such option, or if that file is sshd_config itself.
func configFile(t Tree, settings []Override) string {
	file := ""
	for _, v := range settings {
		if v.Keyword == "-f" && path.IsAbs(v.Value) && t.Exists(v.Value) {
			file = v.Value
		}
	}
	if t.Resolve(file) == t.Resolve(MainConfig) {
		return ""
	}
	return file
}

// runningLine returns the command line of the sshd that listens on this host.
func (h Host) runningLine(ctx context.Context, lines []commandLine) (commandLine, bool) {
	if !h.Running() {
		return commandLine{}, false
	}
	_, pid, err := h.Server(ctx)
	if err != nil || pid == 0 {
		return commandLine{}, false
	}
	name := fmt.Sprintf("/proc/%d/cmdline", pid)
	text, err := os.ReadFile(name)
	if err != nil {
		return commandLine{}, false
	}
	words, known := processWords(text, lines)
	l := commandLine{whole: word{file: name}}
	for _, text := range words {
		l.words = append(l.words, word{text: text, file: name})
	}
	return l, known
}

// Server finds the listening sshd: by its unit if systemd runs this host, or else by its
// PidFile. The process id is 0 if no sshd listens.
func (h Host) Server(ctx context.Context) (unit string, pid int, err error) {
	if !h.Booted() {
		pid, _, err = h.listeningProcess(ctx)
		return "", pid, err
	}
	for _, unit := range []string{"ssh.service", "sshd.service"} {
		stdout, err := h.Systemctl(ctx, "show", "--property=MainPID", unit)
		if err != nil {
			return "", 0, fmt.Errorf("asking systemd for the process of %s: %w", unit, err)
		}
		pid, err := strconv.Atoi(strings.TrimPrefix(string(bytes.TrimSpace(stdout)), "MainPID="))
		if err == nil && isServer(pid) { // 0: not running, or not the unit's name here
			return unit, pid, nil
		}
	}
	return "", 0, nil
}

// processWords returns the arguments of an sshd from its /proc/PID/cmdline
// (proc_pid_cmdline(5)). From OpenSSH 8.2, a listening sshd overwrites it:
//
//	sshd: /usr/sbin/sshd -D -o Banner /etc/issue [listener] 0 of 10-100 startups
//
// The word boundaries are lost then, and a long line is cut off. If the text may come
// from a command line in lines, processWords returns that line's arguments.
func processWords(cmdline []byte, lines []commandLine) (words []string, known bool) {
	title, written := strings.CutPrefix(strings.TrimRight(string(cmdline), "\x00"), "sshd: ")
	if !written {
		all := strings.Split(title, "\x00")
		return all[1:], len(all) > 1
	}
	program, _, _ := strings.Cut(title, " ")
	for _, l := range lines {
		line := program
		words = nil
		for _, w := range l.words {
			line += " " + w.text
			words = append(words, w.text)
		}
		if l.unit != "" && strings.HasPrefix(title, line+" [") {
			return words, true
		}
	}
	title, _, whole := strings.Cut(title, " [listener]")
	if !whole {
		return nil, false
	}
	return joinedWords(strings.Fields(title)[1:])
}

// joinedWords joins the words of each option's value. known is false if a word belongs to
// no option.
func joinedWords(fields []string) (words []string, known bool) {
	wantsValue, hasValue := false, false
	for _, field := range fields {
		switch {
		case wantsValue:
			words = append(words, field)
			wantsValue, hasValue = false, true
		case strings.HasPrefix(field, "-"):
			words = append(words, field)
			at := strings.IndexAny(field, withValue)
			wantsValue, hasValue = at == len(field)-1 && at > 0, at > 0
		case hasValue:
			words[len(words)-1] += " " + field
		default:
			return nil, false
		}
	}
	return words, true
}

// testOptions turns settings of a command line into arguments for sshd -T, which then
// reports them. It leaves out eic's keywords, because Effective applies those itself.
func testOptions(settings []Override) []string {
	var args []string
	for _, v := range settings {
		if v.Keyword != "-f" && DirectiveName(v.Keyword) == "" {
			args = append(args, "-o", v.Keyword+" "+v.Value)
		}
	}
	return args
}
