package settings

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"eic/internal/authorize"
	"eic/internal/trustedfile"
)

// File is the file of a host's settings. It need not exist.
const File = "/etc/eic/eic.conf"

// maxFile bounds a file of settings, in bytes.
const maxFile = 64 << 10

// Files says which files settings come from, besides the command line.
type Files struct {
	// Host is File, or another file for a test. Empty means no file.
	Host string
	// UID is a user whose files are trusted besides root's: the caller, for a command
	// that only affects the caller. 0 means root only. Anybody means every user, for a
	// command that decides nothing on this host.
	UID int
}

// Anybody stands for every user in Files.
const Anybody = -1

// Entry is one line of a file of settings.
type Entry struct {
	// File and Line say where the entry is. Lines count from 1.
	File string
	Line int
	// Flag is the name of the flag, without hyphens, and Value its value.
	Flag, Value string
	// Overridden reports that another value takes precedence: from the command line, or
	// from a file that was read before.
	Overridden bool
}

// FileError says why a file of settings was refused. No settings are used then.
type FileError struct {
	// File is the name of the file. Line is the line at fault, or 0 if it is the whole
	// file.
	File string
	Line int
	Err  error
}

func (e *FileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("reading settings from %q: %v", e.File, e.Err)
	}
	return fmt.Sprintf("reading settings from %q line %d: %v", e.File, e.Line, e.Err)
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// Read completes s, whose flags were parsed, with the settings from the files, and checks
// everything. A flag of the command line takes precedence; a repeatable flag adds to the
// files' values. The file of --config comes before the host's.
//
// The error is a *FileError if a file is not trusted, cannot be read or cannot be parsed.
// Settings that were read before the error remain set, so that the error is logged as
// they say.
func (s *Settings) Read(ctx context.Context, files Files) error {
	given := map[string]bool{}
	s.given = nil
	s.eachGiven(func(flag *pflag.Flag, value string) {
		given[flag.Name] = true
		s.given = append(s.given, "--"+flag.Name+"="+value)
	})
	if err := s.checkGiven(); err != nil {
		return err
	}
	ctx, cancel := s.Deadline(ctx, time.Now())
	defer cancel()
	if s.File != "" {
		if err := s.readFile(ctx, s.File, files.UID, given); err != nil {
			return err
		}
	}
	if files.Host != "" {
		err := s.readFile(ctx, files.Host, files.UID, given)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	var err error
	if s.Chain, err = parseChain(s.chain); err != nil {
		return fmt.Errorf("--chain: %w", err)
	}
	s.Policy.Rules = nil
	for _, text := range s.rules {
		rule, err := authorize.ParseRule(text)
		if err != nil {
			return fmt.Errorf("--allow: %w", err)
		}
		s.Policy.Rules = append(s.Policy.Rules, rule)
	}
	if s.AnyMachine && s.Endpoint == "" {
		return s.blame("no-instance-check", " is only for use with ", "imds-endpoint")
	}
	return nil
}

// blame returns the error that a flag has because of another flag. It says where the
// first flag was set.
func (s *Settings) blame(flag, because, other string) error {
	for _, entry := range s.Entries {
		if entry.Flag == flag && !entry.Overridden {
			return &FileError{File: entry.File, Line: entry.Line, Err: errors.New(flag + because + other)}
		}
	}
	return errors.New("--" + flag + because + "--" + other)
}

// Load returns the Settings of a host without a command line. Its errors are those of
// Read.
func Load(ctx context.Context, files Files) (*Settings, error) {
	s := New()
	s.Register(pflag.NewFlagSet("", pflag.ContinueOnError))
	return s, s.Read(ctx, files)
}

// readFile sets flags from a file. Each line has the name of a flag and its value; blank
// lines and lines that begin with "#" are ignored. Flags in given keep their value. Flags
// that the file sets are added to given.
func (s *Settings) readFile(ctx context.Context, name string, uid int, given map[string]bool) error {
	var text []byte
	var err error
	if uid == Anybody {
		text, err = trustedfile.ReadUntrusted(name, maxFile)
	} else {
		text, err = trustedfile.Read(ctx, name, uid, maxFile)
	}
	switch {
	case err != nil:
		return &FileError{File: name, Err: err}
	case bytes.IndexByte(text, 0) >= 0:
		return &FileError{File: name, Err: errors.New("the file contains a NUL byte, expected text")}
	}
	here := map[string]bool{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		entry := Entry{File: name, Line: number}
		if err := s.setFromLine(&entry, line, given); err != nil {
			return &FileError{File: name, Line: number, Err: err}
		}
		here[entry.Flag] = true
		s.Entries = append(s.Entries, entry)
	}
	for flag := range here {
		given[flag] = true
	}
	return nil
}

func (s *Settings) setFromLine(entry *Entry, line string, given map[string]bool) error {
	entry.Flag, _, _ = strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	entry.Value = strings.TrimSpace(line[len(entry.Flag):])
	flag := s.flags.Lookup(entry.Flag)
	if flag == nil || entry.Flag == configFlag {
		return fmt.Errorf("there is no flag %q, expected the name of a flag, without hyphens, and its value", entry.Flag)
	}
	if entry.Value == "" {
		entry.Value = flag.NoOptDefVal // the value of a flag that is given without one
	}
	if entry.Value == "" {
		return fmt.Errorf("the flag %q needs a value", entry.Flag)
	}
	if _, repeatable := flag.Value.(pflag.SliceValue); given[entry.Flag] && !repeatable {
		entry.Overridden = true
		return nil
	}
	if check := validator(flag.Name); check != nil {
		if err := check(entry.Value); err != nil {
			return fmt.Errorf("%s: %w", entry.Flag, err)
		}
	}
	if err := flag.Value.Set(entry.Value); err != nil {
		return fmt.Errorf("%s: %w", entry.Flag, err)
	}
	return nil
}
