package sshd

import (
	"slices"
	"strings"

	"eic/internal/wildcard"
)

// Patterns are the patterns of AllowUsers, DenyUsers, AllowGroups or DenyGroups. In them,
// "*" and "?" are wildcards (ssh_config(5), PATTERNS).
type Patterns []string

// Patterns returns the patterns of one of the four keywords, given in lower case.
func (a Answer) Patterns(keyword string) Patterns {
	var patterns Patterns
	for _, line := range a.lines {
		if value, found := strings.CutPrefix(line, keyword+" "); found {
			patterns = append(patterns, strings.Fields(value)...)
		}
	}
	return patterns
}

// Match reports whether a pattern matches a user from every client. A pattern USER@HOST
// matches only clients at HOST: hosts are the HOSTs of those patterns whose USER matches.
func (p Patterns) Match(user string) (everywhere bool, hosts []string) {
	for _, pattern := range p {
		name, host := pattern, ""
		if at := strings.LastIndexByte(pattern, '@'); at >= 0 {
			name, host = pattern[:at], pattern[at+1:]
		}
		switch {
		case !wildcard.Match(name, user):
		case host == "":
			everywhere = true
		default:
			hosts = append(hosts, host)
		}
	}
	return everywhere, hosts
}

// MatchAny reports whether a pattern matches one of the names.
func (p Patterns) MatchAny(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return slices.ContainsFunc(p, func(pattern string) bool { return wildcard.Match(pattern, name) })
	})
}
