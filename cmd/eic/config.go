package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
)

// maxConfig bounds a configuration file, in bytes.
const maxConfig = 64 << 10

// configFlag is the one flag that a configuration file cannot have.
const configFlag = "config"

// readConfig sets flags from a file: a flag's name and its value on each line,
// blank lines and lines that begin with "#" aside. A flag given on the command
// line keeps its value there; repeatable ones add up. An empty name is no file.
func (f flagSet) readConfig(name string) error {
	if name == "" {
		return nil
	}
	text, err := readRootsFile(name)
	if err != nil {
		return err
	}
	given := map[string]bool{}
	f.Visit(func(flag *pflag.Flag) { given[flag.Name] = true })
	for i, line := range strings.Split(text, "\n") {
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

// readRootsFile reads a regular file that belongs to root and that nobody else
// may write.
func readRootsFile(name string) (string, error) {
	// Opening a FIFO without a writer would wait for one.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%q is not a regular file", name)
	case !ok:
		return "", fmt.Errorf("the system does not say whom %q belongs to, expected root", name)
	case owner.Uid != 0:
		return "", fmt.Errorf("%q belongs to user %d, expected root (0)", name, owner.Uid)
	case info.Mode().Perm()&0o022 != 0:
		return "", fmt.Errorf("%q has mode %04o, so others than root may write it; expected 0644", name, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("reading %q: %w", name, err)
	case len(text) > maxConfig:
		return "", fmt.Errorf("%q is too long, expected at most %d bytes", name, maxConfig)
	case strings.ContainsRune(string(text), 0):
		return "", fmt.Errorf("%q has a NUL byte in it", name)
	}
	return string(text), nil
}
