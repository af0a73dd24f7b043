package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"eic/internal/trustedfile"
)

// maxConfig bounds a configuration file, in bytes.
const maxConfig = 64 << 10

// configFlag is the one flag that a configuration file cannot have.
const configFlag = "config"

// readConfig sets flags from a file: a flag's name and its value on each line,
// blank lines and lines that begin with "#" aside. A flag given on the command
// line keeps its value there; repeatable ones add up. An empty name is no file.
// The file must be root's, or may be of the user uid.
func (f flagSet) readConfig(ctx context.Context, name string, uid int) error {
	if name == "" {
		return nil
	}
	text, err := trustedfile.Read(ctx, name, uid, maxConfig)
	switch {
	case err != nil:
		return err
	case bytes.IndexByte(text, 0) >= 0:
		return fmt.Errorf("%q has a NUL byte in it", name)
	}
	given := map[string]bool{}
	f.Visit(func(flag *pflag.Flag) { given[flag.Name] = true })
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if err := f.setFromLine(line, given); err != nil {
			return fmt.Errorf("%q line %d: %w", name, i+1, err)
		}
	}
	return nil
}

func (f flagSet) setFromLine(line string, given map[string]bool) error {
	name, value := line, ""
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		name, value = line[:i], strings.TrimSpace(line[i:])
	}
	flag := f.Lookup(name)
	if flag == nil || name == configFlag {
		return fmt.Errorf("there is no flag %q, expected a flag's name without hyphens before it, and its value", name)
	}
	if value == "" {
		value = flag.NoOptDefVal // what a flag without a value means, if it may have none
	}
	if value == "" {
		return fmt.Errorf("the flag %q needs a value", name)
	}
	_, repeatable := flag.Value.(pflag.SliceValue)
	if given[name] && !repeatable {
		return nil
	}
	if err := flag.Value.Set(value); err != nil {
		return fmt.Errorf("setting %s to %q: %w", name, value, err)
	}
	return nil
}
