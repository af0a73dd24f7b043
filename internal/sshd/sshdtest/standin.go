package sshdtest

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed testdata/openssh-*.txt
var recordings embed.FS

// A StandIn answers like sshd of a recorded version. It implements those parts of
// sshd_config(5) that differ between versions: Include, Match by User, Address, LocalPort
// and all, and the precedence of first values.
type StandIn struct {
	// Version is the OpenSSH version, such as "7.4".
	Version string
	// Sections are the recorded answers, by the title of their section.
	Sections map[string][]string
}

// StandIns returns a StandIn for each recorded version, oldest first.
func StandIns(t *testing.T) []StandIn {
	t.Helper()
	files, err := fs.Glob(recordings, "testdata/*.txt")
	require.NoError(t, err)
	var all []StandIn
	for _, file := range files {
		data, err := recordings.ReadFile(file)
		require.NoError(t, err)
		s := StandIn{Version: strings.TrimSuffix(strings.TrimPrefix(path.Base(file), "openssh-"), ".txt"), Sections: map[string][]string{}}
		for section := range strings.SplitSeq(string(data), "== ") {
			title, text, _ := strings.Cut(section, "\n")
			s.Sections[title] = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b StandIn) int { return a.number() - b.number() })
	return all
}

// number returns a comparable form of the version: 907 for 9.7.
func (s StandIn) number() int {
	var major, minor int
	if _, err := fmt.Sscanf(s.Version, "%d.%d", &major, &minor); err != nil {
		panic(err)
	}
	return 100*major + minor
}

// Runner returns a function that runs the StandIn in place of a root's sshd.
func (s StandIn) Runner(root string) func(ctx context.Context, name string, args ...string) (stdout, stderr []byte, err error) {
	return func(_ context.Context, name string, args ...string) ([]byte, []byte, error) {
		if !strings.HasPrefix(path.Base(name), "sshd") {
			return nil, nil, errors.New("no such program")
		}
		out, err := s.run(root, args)
		if err != nil {
			return nil, []byte(strings.ReplaceAll(err.Error(), "\n", "\r\n") + "\r\n"), errors.New("exit status 255")
		}
		return []byte(out), nil, nil
	}
}

func (s StandIn) run(root string, args []string) (string, error) {
	usage := func(option string) error {
		return fmt.Errorf("unknown option -- %s\nOpenSSH_%sp1, OpenSSL\nusage: sshd [-46DdeGiqTtV]", option, s.Version)
	}
	var connection map[string]string
	for i, arg := range args {
		switch {
		case arg == "-V" && s.number() < 903:
			return "", usage("V")
		case arg == "-V":
			return "OpenSSH_" + s.Version + "p1, OpenSSL\n", nil
		case arg == "-G" && strings.HasPrefix(s.Sections["-G"][0], "unknown option"):
			return "", usage("G")
		case arg == "-C":
			connection = map[string]string{}
			for pair := range strings.SplitSeq(args[i+1], ",") {
				name, value, _ := strings.Cut(pair, "=")
				connection[name] = value
			}
		}
	}
	p := parser{version: s.number(), root: root, connection: connection, dump: !slices.Contains(args, "-t"),
		global: map[string]string{}, matched: map[string]string{}}
	if err := p.file("/etc/ssh/sshd_config", true, ""); err != nil {
		return "", err
	}
	if !p.dump {
		return "", nil
	}
	return s.print(p), nil
}

// print writes the recorded lines, with the values that are set.
func (s StandIn) print(p parser) string {
	values := p.global
	for keyword, value := range p.matched {
		values[keyword] = value
	}
	var out strings.Builder
	for _, line := range s.Sections["plain"] {
		keyword, value, _ := strings.Cut(line, " ")
		if set, found := values[strings.ToLower(keyword)]; found {
			value = set
			delete(values, strings.ToLower(keyword))
		}
		fmt.Fprintf(&out, "%s %s\n", keyword, value)
	}
	for _, keyword := range []string{"authorizedkeyscommand", "authorizedkeyscommanduser", "authorizedprincipalscommand", "authorizedprincipalscommanduser"} {
		if value, found := values[keyword]; found {
			fmt.Fprintf(&out, "%s %s\n", keyword, value) // nothing is printed for an unset keyword
		}
	}
	return out.String()
}

// A parser parses sshd_config as one version does.
type parser struct {
	version         int
	root            string
	connection      map[string]string
	dump            bool
	global, matched map[string]string
}

// file reads a file. match is empty outside of Match, "yes" in a block that applies and
// "no" in one that does not.
func (p *parser) file(name string, main bool, match string) error {
	data, err := os.ReadFile(filepath.Join(p.root, name))
	if err != nil {
		return err
	}
	for _, line := range strings.Split(string(data), "\n") {
		keyword, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		keyword, rest = strings.ToLower(keyword), strings.TrimSpace(rest)
		switch {
		case keyword == "" || strings.HasPrefix(keyword, "#"):
		case keyword == "include":
			if err := p.include(rest, match); err != nil {
				return err
			}
		case keyword == "match":
			entered, err := p.enters(strings.Fields(rest))
			if err != nil {
				return err
			}
			if match = "no"; entered && (main || p.version > 802) {
				match = "yes"
			}
		default:
			p.set(keyword, rest, match)
		}
	}
	return nil
}

func (p *parser) include(pattern, match string) error {
	switch {
	case p.version < 802:
		return errors.New("Bad configuration option: Include") //nolint:staticcheck // sshd's words
	case !strings.HasPrefix(pattern, "/") && p.version == 802:
		return nil
	case !strings.HasPrefix(pattern, "/"):
		pattern = "/etc/ssh/" + pattern
	}
	files, err := filepath.Glob(filepath.Join(p.root, pattern))
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := p.file(strings.TrimPrefix(file, p.root), false, match); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) set(keyword, value, match string) {
	values := p.global
	switch match {
	case "no":
		return
	case "yes":
		values = p.matched
	}
	_, shadowed := p.global["authorizedkeyscommand"]
	if keyword == "authorizedprincipalscommand" && match == "" && shadowed && p.version >= 807 && p.version < 904 {
		return
	}
	if _, set := values[keyword]; !set {
		values[keyword] = value
	}
}

// enters reports whether a Match block applies to the connection.
func (p *parser) enters(criteria []string) (bool, error) {
	if strings.EqualFold(criteria[0], "all") {
		return true, nil
	}
	entered := true
	for i := 0; i+1 < len(criteria); i += 2 {
		name := map[string]string{"user": "user", "address": "addr", "localport": "lport", "host": "host"}[strings.ToLower(criteria[i])]
		value, given := p.connection[name]
		strict := p.version >= 707 && p.version <= 800 || p.version > 707 && name == "lport"
		if !given && p.dump && strict {
			return false, fmt.Errorf("'Match %s' in configuration but '%s' not in connection test specification.", criteria[i], name) //nolint:staticcheck,revive // sshd's words
		}
		entered = entered && given && value == criteria[i+1]
	}
	return entered, nil
}
