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

// File is where the settings of a host are. It need not exist.
const File = "/etc/eic/eic.conf"

// maxFile bounds a file of settings, in bytes.
const maxFile = 64 << 10

// Files says where settings come from besides the command line.
type Files struct {
	// Host is File, or another in its place for a test. Empty is none.
	Host string
	// UID is a user whose files are believed besides root's: the caller's own,
	// where he decides only for himself. 0 is root alone. Anybody is every user: for
	// a file that decides nothing on this host.
	UID int
}

// Anybody stands for every user in Files.
const Anybody = -1

// Entry is one line of a file of settings.
type Entry struct {
	// File and Line say where it stands, the first line being 1.
	File string
	Line int
	// Flag is the flag's name, without hyphens, and Value its value.
	Flag, Value string
	// Overridden is set if the command line, or a file read before, has another
	// value in its place.
	Overridden bool
}

// FileError says why a file of settings counts for nothing, and with it the
// whole of the settings.
type FileError struct {
	// File is the name of the file, and Line the line at fault, or 0 if it is
	// the whole file.
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

// Unwrap returns the fault itself.
func (e *FileError) Unwrap() error { return e.Err }

// Read adds to s, whose flags were parsed, what the files say, and checks all of
// it. A flag of the command line keeps its value; one that is repeatable adds
// up. The file of --config comes before the host's.
//
// The error is a *FileError if a file cannot be believed, read or understood.
// What was read until then has been set, so that it can be logged as wanted.
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

// blame returns the error that one flag has because of another, with the place
// where the first stands.
func (s *Settings) blame(flag, because, other string) error {
	for _, entry := range s.Entries {
		if entry.Flag == flag && !entry.Overridden {
			return &FileError{File: entry.File, Line: entry.Line, Err: errors.New(flag + because + other)}
		}
	}
	return errors.New("--" + flag + because + "--" + other)
}

// Load returns the Settings of a host without a command line. Its error is that of
// Read.
func Load(ctx context.Context, files Files) (*Settings, error) {
	s := New()
	s.Register(pflag.NewFlagSet("", pflag.ContinueOnError))
	return s, s.Read(ctx, files)
}

// readFile sets flags from a file: a flag's name and its value on each line,
// blank lines and lines that begin with "#" aside. Flags in given keep their
// value; those that the file set are given from then on.
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
		return &FileError{File: name, Err: errors.New("it has a NUL byte in it, expected text")}
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
	entry.Flag = line
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		entry.Flag, entry.Value = line[:i], strings.TrimSpace(line[i:])
	}
	flag := s.flags.Lookup(entry.Flag)
	if flag == nil || entry.Flag == configFlag {
		return fmt.Errorf("there is no flag %q, expected a flag's name without hyphens before it, and its value", entry.Flag)
	}
	if entry.Value == "" {
		entry.Value = flag.NoOptDefVal // what a flag without a value means, if it may have none
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
