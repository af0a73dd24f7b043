package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// An entry is the section of one version in the changelog. version also has the package's
// revision, which is 1 for released versions.
type entry struct {
	version string
	date    time.Time
	changes []change
}

// A change is one bullet, below the heading of its kind, such as "Added".
type change struct{ kind, text string }

var (
	sectionHeading = regexp.MustCompile(`^## \[([0-9.]+)\] - (unreleased|\d{4}-\d\d-\d\d)$`)
	link           = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// parse parses a changelog in the format of Keep a Changelog. From the first section on,
// every line must be a heading, a bullet or its continuation. Any other line is an error,
// because packages would lack it.
func parse(text string) ([]entry, error) {
	var entries []entry
	kind := ""
	for number, line := range strings.Split(text, "\n") {
		section := sectionHeading.FindStringSubmatch(line)
		switch {
		case section != nil:
			e := entry{version: section[1] + "-1"}
			if section[2] != "unreleased" {
				day, err := time.Parse(time.DateOnly, section[2])
				if err != nil {
					return nil, fmt.Errorf("line %d: %w", number+1, err)
				}
				e.date = day.Add(12 * time.Hour)
			} else if len(entries) > 0 {
				return nil, fmt.Errorf("line %d: only the first section may be unreleased", number+1)
			}
			entries, kind = append(entries, e), ""
		case strings.HasPrefix(line, "## "):
			return nil, fmt.Errorf("line %d: expected \"## [X.Y.Z] - DATE\", got %q", number+1, line)
		case len(entries) == 0 || strings.TrimSpace(line) == "":
		case strings.HasPrefix(line, "### "):
			kind = strings.TrimPrefix(line, "### ")
		default:
			if err := entries[len(entries)-1].add(kind, line); err != nil {
				return nil, fmt.Errorf("line %d: %w", number+1, err)
			}
		}
	}
	if len(entries) == 0 || len(entries[0].changes) == 0 {
		return nil, fmt.Errorf("found no section with changes, expected \"## [X.Y.Z] - DATE\" and bullets below it")
	}
	return entries, nil
}

// add adds a line: the first of a bullet, or the next one of the last bullet.
func (e *entry) add(kind, line string) error {
	plain := link.ReplaceAllString(strings.ReplaceAll(line, "`", ""), "$1")
	if text, found := strings.CutPrefix(plain, "- "); found {
		if kind == "" {
			return fmt.Errorf("no heading such as \"### Added\" before %q", line)
		}
		e.changes = append(e.changes, change{kind, text})
		return nil
	}
	if !strings.HasPrefix(plain, "  ") || len(e.changes) == 0 {
		return fmt.Errorf("expected a bullet or its continuation, got %q", line)
	}
	e.changes[len(e.changes)-1].text += " " + strings.TrimSpace(plain)
	return nil
}

// wrap breaks text into lines of at most width characters, unless a word is longer.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}
