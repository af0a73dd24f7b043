package sshd

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Connection is a login to ask sshd about, with the values that Match blocks test. All
// fields but User may be empty. An empty field becomes a value that no sensible
// configuration mentions.
type Connection struct {
	User string
	// Host and Addr are the client's name and address.
	Host, Addr string
	// LocalAddr and LocalPort are where sshd was reached, and RDomain is the routing
	// domain of LocalAddr.
	LocalAddr, LocalPort, RDomain string
}

// Anybody returns a login of a user who does not exist. No sensible Match block singles
// that login out.
func Anybody() Connection {
	return Connection{User: "nobody-in-particular"}
}

// specification returns the argument of sshd -C. Every sshd requires all the criteria
// that its configuration tests, so all are given. OpenSSH 7.4 does not know rdomain,
// which is given only if a Match block tests it.
func (c Connection) specification() (string, error) {
	fields := []struct{ name, value, otherwise string }{
		{"user", c.User, ""},
		{"host", c.Host, "client.invalid"},  // RFC 2606
		{"addr", c.Addr, "192.0.2.1"},       // RFC 5737
		{"laddr", c.LocalAddr, "192.0.2.2"}, // RFC 5737
		{"lport", c.LocalPort, "22"},
	}
	if c.RDomain != "" {
		fields = append(fields, struct{ name, value, otherwise string }{"rdomain", c.RDomain, ""})
	}
	var parts []string
	for _, f := range fields {
		if f.value == "" {
			f.value = f.otherwise
		}
		if f.value == "" || strings.ContainsAny(f.value, ",\n\x00") {
			return "", fmt.Errorf("describing a connection: expected a name without comma or newline, got %q", f.value)
		}
		parts = append(parts, f.name+"="+f.value)
	}
	return strings.Join(parts, ","), nil
}

// An Answer is the configuration that sshd reports for one login (sshd -T).
type Answer struct {
	// Values has the first value of every keyword. Keywords are in lower case.
	Values map[string]string
	// lines has every line, with its keyword in lower case.
	lines []string
}

// unsetKeywords returns the keywords that OpenSSH up to 7.4 does not print if they are
// unset. Later versions print them with the value "none".
func unsetKeywords() []string {
	return []string{KeysCommand, KeysCommandUser, principalsCommand, principalsCommandUser}
}

func parseAnswer(stdout []byte) Answer {
	a := Answer{Values: map[string]string{}}
	for line := range strings.SplitSeq(strings.TrimRight(string(stdout), "\n"), "\n") {
		keyword, value, _ := strings.Cut(line, " ")
		keyword = strings.ToLower(keyword) // CamelCase from OpenSSH 10.5
		if keyword == "hostkey" && strings.Contains(value, "/"+temporaryPrefix) {
			continue
		}
		if _, seen := a.Values[keyword]; !seen {
			a.Values[keyword] = value
		}
		a.lines = append(a.lines, keyword+" "+value)
	}
	for _, keyword := range unsetKeywords() {
		if _, set := a.Values[keyword]; !set {
			a.Values[keyword] = "none"
			a.lines = append(a.lines, keyword+" none")
		}
	}
	return a
}

// A Change is a line that differs between two answers of sshd. Before or After is empty
// if one of the answers has no such line.
type Change struct {
	Keyword, Before, After string
}

// Changes returns the differences between an answer and a later one, without those in
// eic's own two keywords.
func (a Answer) Changes(later Answer) []Change {
	removed, added := missing(a.lines, later.lines), missing(later.lines, a.lines)
	var changes []Change
	for _, line := range removed {
		keyword, value, _ := strings.Cut(line, " ")
		c := Change{Keyword: keyword, Before: value}
		if i := slices.IndexFunc(added, func(l string) bool { return strings.HasPrefix(l, keyword+" ") }); i >= 0 {
			c.After = strings.TrimPrefix(added[i], keyword+" ")
			added = slices.Delete(added, i, i+1)
		}
		changes = append(changes, c)
	}
	for _, line := range added {
		keyword, value, _ := strings.Cut(line, " ")
		changes = append(changes, Change{Keyword: keyword, After: value})
	}
	return changes
}

// missing returns the lines of a that b lacks, without those of eic's own keywords.
func missing(a, b []string) []string {
	var found []string
	for _, line := range a {
		keyword, _, _ := strings.Cut(line, " ")
		if keyword != KeysCommand && keyword != KeysCommandUser && !slices.Contains(b, line) {
			found = append(found, line)
		}
	}
	return found
}

// Ask asks sshd for the configuration of a login. The answer does not reflect options on
// the running sshd's command line.
func (h Host) Ask(ctx context.Context, c Connection) (Answer, error) {
	return h.askWith(ctx, nil, c)
}

// askWith is Ask with options on sshd's command line.
func (h Host) askWith(ctx context.Context, options []string, c Connection) (Answer, error) {
	specification, err := c.specification()
	if err != nil {
		return Answer{}, err
	}
	return h.ask(ctx, append([]string{"-C", specification}, options...)...)
}

// AskGlobal asks sshd for the configuration outside of Match blocks. Some versions cannot
// report it: OpenSSH 7.7 to 8.0 if there is any Match block, later ones if there is a
// Match LocalPort. Then AskGlobal returns the answer for Anybody, and exact is false.
func (h Host) AskGlobal(ctx context.Context) (a Answer, exact bool, err error) {
	return h.askGlobalWith(ctx, nil)
}

func (h Host) askGlobalWith(ctx context.Context, options []string) (a Answer, exact bool, err error) {
	a, err = h.ask(ctx, options...)
	if err != nil && strings.Contains(err.Error(), "not in connection test specification") {
		a, err = h.askWith(ctx, options, Anybody())
		return a, false, err
	}
	return a, err == nil, err
}

// ask runs sshd -T. With sshd -G (OpenSSH 9.3), neither host keys nor the privilege
// separation directory are needed; -T is added only because -C requires it.
func (h Host) ask(ctx context.Context, args ...string) (Answer, error) {
	args = append([]string{"-T"}, args...)
	stdout, err := h.sshd(ctx, append([]string{"-G"}, args...)...)
	if err != nil && strings.Contains(err.Error(), "option -- ") {
		stdout, err = h.sshd(ctx, args...)
	}
	if err != nil {
		return Answer{}, err
	}
	return parseAnswer(stdout), nil
}

// A Version is a version of OpenSSH. The zero Version is unknown.
type Version struct {
	Major, Minor int
}

// Before reports whether v is an earlier version, or unknown.
func (v Version) Before(major, minor int) bool {
	return v.Major < major || v.Major == major && v.Minor < minor
}

// Version asks sshd for its version, which is unknown if sshd does not report it.
// Versions that do not know -V print their version above the usage.
func (h Host) Version(ctx context.Context) Version {
	program, found := h.program()
	if !found {
		return Version{}
	}
	stdout, stderr, _ := h.Execute(ctx, program, "-V") // only the output matters
	_, text, _ := strings.Cut(string(stdout)+string(stderr), "OpenSSH_")
	major, rest, _ := strings.Cut(text, ".")
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	m, err := strconv.Atoi(major)
	n, err2 := strconv.Atoi(rest[:end])
	if err != nil || err2 != nil {
		return Version{}
	}
	return Version{m, n}
}
