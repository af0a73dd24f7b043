// Command changelog converts the project's changelog to that of a package, so that only
// one changelog is written by hand. It reads CHANGELOG.md from standard input. Its first
// section, released or not, becomes that of the version that is built.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: changelog deb|rpm PACKAGE VERSION SECONDS MAINTAINER < CHANGELOG.md")
		os.Exit(2)
	}
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "changelog: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	form, name, version, seconds, maintainer := args[0], args[1], args[2], args[3], args[4]
	built, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("parsing the time of the build: %w", err)
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	entries, err := parse(string(text))
	if err != nil {
		return err
	}
	entries[0].version, entries[0].date = version, time.Unix(built, 0).UTC()
	switch form {
	case "deb":
		return writeDeb(out, entries, name, maintainer)
	case "rpm":
		return writeRPM(out, entries, maintainer)
	}
	return fmt.Errorf("unknown form %q, expected deb or rpm", form)
}

// writeDeb writes the entries in the format of deb-changelog(5).
func writeDeb(out io.Writer, entries []entry, name, maintainer string) error {
	var err error
	line := func(format string, args ...any) {
		_, failed := fmt.Fprintf(out, format, args...)
		err = errors.Join(err, failed)
	}
	for i, e := range entries {
		if i > 0 {
			line("\n")
		}
		line("%s (%s) unstable; urgency=medium\n", name, e.version)
		kind := ""
		for _, c := range e.changes {
			if c.kind != kind {
				kind = c.kind
				line("\n  [ %s ]\n", kind)
			}
			for n, text := range wrap(c.text, 75) {
				line("  %s %s\n", map[bool]string{true: "*", false: " "}[n == 0], text)
			}
		}
		line("\n -- %s  %s\n", maintainer, e.date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	}
	return err
}

// writeRPM writes the list of entries from which nfpm makes an rpm's changelog. nfpm reads
// it as YAML, which includes JSON.
func writeRPM(out io.Writer, entries []entry, maintainer string) error {
	type note struct {
		Note string `json:"note"`
	}
	type release struct {
		Version  string `json:"semver"`
		Date     string `json:"date"`
		Packager string `json:"packager"`
		Changes  []note `json:"changes"`
	}
	var releases []release
	for _, e := range entries {
		r := release{Version: e.version, Date: e.date.Format(time.RFC3339), Packager: maintainer}
		for _, c := range e.changes {
			text := ""
			for n, line := range wrap(c.kind+": "+c.text, 75) {
				if n > 0 {
					text += "\n  "
				}
				text += line
			}
			r.Changes = append(r.Changes, note{text})
		}
		releases = append(releases, r)
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(releases)
}
