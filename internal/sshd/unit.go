package sshd

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"
)

// UnitDirectories returns the directories from which systemd loads units, highest
// priority first (systemd.unit(5)).
func UnitDirectories() []string {
	return []string{
		"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
		"/usr/lib/systemd/system", "/lib/systemd/system",
	}
}

// sshUnits returns the names of units that run sshd. Debian and its derivatives use ssh,
// other distributions sshd. A unit with an @ runs one sshd per connection.
func sshUnits() []string {
	return []string{"ssh.service", "sshd.service", "ssh@.service", "sshd@.service"}
}

// A unit is the part of one systemd unit, including its drop-ins, that affects its
// command lines.
type unit struct {
	name        string
	commands    []word
	environment map[string]word
}

// loadedUnits returns the units that run sshd, as loaded by systemd. Only systemd knows
// the files that generators created, and the order of all files.
func (h Host) loadedUnits(ctx context.Context) ([]unit, error) {
	var found []unit
	var files []string
	for _, name := range sshUnits() {
		stdout, err := h.Systemctl(ctx, "show", "--property=FragmentPath,DropInPaths", strings.Replace(name, "@.", "@eic.", 1))
		if err != nil {
			return nil, err
		}
		properties := environmentLines("systemctl show", stdout)
		file := properties["FragmentPath"].text
		if file == "" || slices.Contains(files, file) {
			continue // no such unit, or the same unit under a second name
		}
		files = append(files, file)
		u := unit{name: name, environment: map[string]word{}}
		if err := u.addFiles(h.Tree(), append([]string{file}, strings.Fields(properties["DropInPaths"].text)...)); err != nil {
			return nil, err
		}
		found = append(found, u)
	}
	return found, nil
}

// units reads the units that run sshd. Names that lead to the same file are one unit,
// with the drop-ins of all its names.
func units(t Tree) ([]unit, error) {
	names := map[string][]string{}
	var order []string
	for _, name := range sshUnits() {
		file, found := unitFile(t, name)
		if !found {
			continue
		}
		resolved := t.Resolve(file)
		if names[resolved] == nil {
			order = append(order, resolved)
		}
		names[resolved] = append(names[resolved], name, path.Base(resolved))
	}
	var found []unit
	for _, file := range order {
		u, err := loadUnit(t, file, names[file])
		if err != nil {
			return nil, err
		}
		found = append(found, u)
	}
	return found, nil
}

func unitFile(t Tree, name string) (string, bool) {
	for _, directory := range UnitDirectories() {
		if file := path.Join(directory, name); t.Exists(file) {
			return file, true
		}
	}
	return "", false
}

func loadUnit(t Tree, file string, names []string) (unit, error) {
	u := unit{name: names[0], environment: map[string]word{}}
	dropIns, err := dropIns(t, names)
	if err != nil {
		return unit{}, err
	}
	return u, u.addFiles(t, append([]string{file}, dropIns...))
}

func (u *unit) addFiles(t Tree, files []string) error {
	for _, file := range files {
		data, err := t.ReadIfThere(file)
		if err == nil {
			err = u.add(t, file, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dropIns returns the drop-ins of a unit in the order in which systemd reads them: by
// name. If two have the same name, only the one in the directory of higher priority
// counts.
func dropIns(t Tree, units []string) ([]string, error) {
	files := map[string]string{}
	for _, directory := range UnitDirectories() {
		for _, name := range append(slices.Clone(units), "service") {
			found, err := t.glob(path.Join(directory, name+".d", "*.conf"))
			if err != nil {
				return nil, err
			}
			for _, file := range found {
				if files[path.Base(file)] == "" {
					files[path.Base(file)] = file
				}
			}
		}
	}
	var ordered []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		ordered = append(ordered, files[name])
	}
	return ordered, nil
}

// add reads one file of a unit. An empty assignment resets the earlier ones.
func (u *unit) add(t Tree, file string, data []byte) error {
	keys, values := serviceLines(file, data)
	for i, value := range values {
		switch keys[i] {
		case "ExecStart":
			if value.text == "" {
				u.commands = nil
				continue
			}
			u.commands = append(u.commands, value)
		case "Environment":
			for _, assignment := range splitUnit(value.text) {
				name, text, _ := strings.Cut(assignment, "=")
				u.environment[name] = word{text, value.file, value.line}
			}
		case "EnvironmentFile":
			files, err := t.glob(strings.TrimPrefix(value.text, "-"))
			if err != nil {
				return err
			}
			for _, file := range files {
				data, err := t.ReadIfThere(file)
				if err != nil {
					return err
				}
				maps.Copy(u.environment, environmentLines(file, data))
			}
		}
	}
	return nil
}

// arguments returns the words of a command of the unit, without the program, after
// expanding specifiers and variables. The position of a word from a variable is where the
// variable is set.
func (u unit) arguments(command word) []word {
	var words []word
	for _, text := range splitUnit(command.text) {
		name, whole := strings.CutPrefix(text, "$")
		if value, set := u.environment[name]; whole && set {
			for _, part := range splitUnit(value.text) {
				words = append(words, word{part, value.file, value.line})
			}
			continue
		}
		if whole && !strings.HasPrefix(name, "{") && !strings.HasPrefix(name, "$") {
			continue
		}
		for name, value := range u.environment {
			text = strings.ReplaceAll(text, "${"+name+"}", value.text)
		}
		words = append(words, word{strings.ReplaceAll(text, "%%", "%"), command.file, command.line})
	}
	if len(words) == 0 {
		return nil
	}
	return words[1:]
}
