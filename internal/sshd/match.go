package sshd

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"eic/internal/argv"
	"eic/internal/wildcard"
)

// MatchCriteria returns the distinct criteria of the Match blocks of a configuration,
// except "Match all".
func (c Config) MatchCriteria() []string {
	var matches []string
	for _, s := range c {
		if s.Match != "" && s.Match != matchAll && !slices.Contains(matches, s.Match) {
			matches = append(matches, s.Match)
		}
	}
	return matches
}

// MatchingConnection returns a login that satisfies the criteria of a Setting's Match. It
// returns false if a group has no members, or if sshd -C does not support a criterion.
func (h Host) MatchingConnection(ctx context.Context, match string) (Connection, bool) {
	c := Anybody()
	var users, groups []string
	for _, criterion := range criteria(match) {
		list := criterion.list
		found := true
		switch criterion.keyword {
		case "user":
			users = append(users, list)
		case "group":
			groups = append(groups, list)
		case "host":
			c.Host, found = nameMatching([]string{strings.ToLower(list)}, []string{c.Host})
		case "address":
			c.Addr, found = addressMatching(list)
		case "localaddress":
			c.LocalAddr, found = addressMatching(list)
		case "localport":
			c.LocalPort, _, _ = strings.Cut(list, ",")
		case "rdomain":
			c.RDomain, found = nameMatching([]string{list}, nil)
		case matchAll:
		default:
			found = false
		}
		if !found {
			return Connection{}, false
		}
	}
	if users == nil && groups == nil {
		return c, true
	}
	var found bool
	c.User, found = h.userMatching(ctx, users, groups)
	return c, found
}

// userMatching returns a user who matches all lists in users and is a member of a group
// in each list in groups.
func (h Host) userMatching(ctx context.Context, users, groups []string) (user string, found bool) {
	if groups == nil {
		return nameMatching(users, nil)
	}
	members := h.members(ctx, groups)
	user, found = nameMatching(users, members)
	// A name made up from a pattern is in no group.
	return user, found && slices.Contains(members, user)
}

type criterion struct{ keyword, list string }

// criteria splits the criteria of a Match line, or of several lines joined by " and ".
// OpenSSH allows an equals sign in place of a blank.
func criteria(match string) []criterion {
	var found []criterion
	for line := range strings.SplitSeq(match, " and ") {
		words, err := argv.SplitLine(line)
		if err != nil {
			return []criterion{{keyword: "unknown"}}
		}
		for i := 0; i < len(words); i++ {
			keyword, list, hasEquals := strings.Cut(words[i], "=")
			keyword = strings.ToLower(keyword)
			if !hasEquals && keyword != matchAll && i+1 < len(words) {
				i++
				list = words[i]
			}
			found = append(found, criterion{keyword, list})
		}
	}
	return found
}

// nameMatching returns a name that matches all lists of patterns: one of the candidates,
// or one made from a pattern.
func nameMatching(lists, candidates []string) (string, bool) {
	for _, list := range lists {
		for pattern := range strings.SplitSeq(list, ",") {
			for _, fill := range []string{"", "x", "eic-test"} {
				candidates = append(candidates, strings.ReplaceAll(strings.ReplaceAll(pattern, "*", fill), "?", "x"))
			}
		}
	}
	for _, name := range candidates {
		matched := func(list string) bool { return matchesList(list, name, wildcard.Match) }
		if name != "" && !strings.HasPrefix(name, "!") && !slices.ContainsFunc(lists, func(l string) bool { return !matched(l) }) {
			return name, true
		}
	}
	return "", false
}

// addressMatching returns an address that matches a list of networks and patterns
// (sshd_config(5), Match).
func addressMatching(list string) (string, bool) {
	for element := range strings.SplitSeq(list, ",") {
		var candidates []string
		if network, err := netip.ParsePrefix(element); err == nil {
			first := network.Masked().Addr()
			candidates = []string{first.Next().String(), first.String()}
		} else {
			for _, fill := range []string{"1", "192.0.2.1", "2001:db8::1"} {
				candidates = append(candidates, strings.ReplaceAll(strings.ReplaceAll(element, "*", fill), "?", "1"))
			}
		}
		for _, text := range candidates {
			if _, err := netip.ParseAddr(text); err == nil && matchesList(list, text, matchesAddress) {
				return text, true
			}
		}
	}
	return "", false
}

func matchesAddress(pattern, text string) bool {
	network, err := netip.ParsePrefix(pattern)
	if err != nil {
		return wildcard.Match(pattern, text)
	}
	address, err := netip.ParseAddr(text)
	return err == nil && network.Contains(address)
}

// matchesList reports whether an element of a list matches and no negated element does
// (ssh_config(5), PATTERNS).
func matchesList(list, text string, matches func(pattern, text string) bool) bool {
	found := false
	for pattern := range strings.SplitSeq(list, ",") {
		pattern, negated := strings.CutPrefix(pattern, "!")
		if matches(pattern, text) {
			if negated {
				return false
			}
			found = true
		}
	}
	return found
}

// members returns the users who are in a group of each list.
func (h Host) members(ctx context.Context, lists []string) []string {
	users, ids := map[string][]string{}, map[string]string{}
	for line := range strings.SplitSeq(h.database(ctx, "group"), "\n") {
		if fields := strings.Split(line, ":"); len(fields) == 4 {
			users[fields[0]] = strings.FieldsFunc(fields[3], func(r rune) bool { return r == ',' })
			ids[fields[2]] = fields[0]
		}
	}
	for line := range strings.SplitSeq(h.database(ctx, "passwd"), "\n") {
		if fields := strings.Split(line, ":"); len(fields) == 7 {
			users[ids[fields[3]]] = append(users[ids[fields[3]]], fields[0])
		}
	}
	count := map[string]int{}
	for _, list := range lists {
		var in []string
		for group, names := range users {
			if group != "" && matchesList(list, group, wildcard.Match) {
				in = append(in, names...)
			}
		}
		slices.Sort(in)
		for _, name := range slices.Compact(in) {
			count[name]++
		}
	}
	var found []string
	for name, n := range count {
		if n == len(lists) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// database returns the output of getent(1), or the file if there is no getent.
func (h Host) database(ctx context.Context, name string) string {
	if program, found := h.Tree().FirstExisting("/usr/bin/getent"); found {
		if stdout, _, err := h.Execute(ctx, program, name); err == nil {
			return string(stdout)
		}
	}
	data, err := h.Tree().ReadFile("/etc/" + name)
	if err != nil {
		return ""
	}
	return string(data)
}
