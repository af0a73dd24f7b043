package authorize

import (
	"fmt"
	"slices"
	"strings"

	"eic/internal/activekeys"
)

// Policy is what the administrator of a host demands of a key beyond what EC2
// Instance Connect does. The zero Policy demands nothing.
type Policy struct {
	// DenyUsers are users for whom no key counts, and AllowUsers, if there are
	// any, the only ones for whom one does. A name that ends in "*" stands
	// for every name that begins like it. Denial comes first.
	DenyUsers, AllowUsers []string
	// Callers, if there are any, are the only IAM principals whose keys
	// count: ARNs in which "*" stands for any text and "?" for any character. A key without a caller then
	// never counts.
	Callers []string
}

// judge returns Undecided, or why a key pushed by caller for user is refused.
func (p Policy) judge(user, caller string) (Reason, error) {
	matchesUser := func(pattern string) bool { return matchUser(pattern, user) }
	if i := slices.IndexFunc(p.DenyUsers, matchesUser); i >= 0 {
		return UserDenied, fmt.Errorf("user %q is denied by %q", user, p.DenyUsers[i])
	}
	if len(p.AllowUsers) != 0 && !slices.ContainsFunc(p.AllowUsers, matchesUser) {
		return UserDenied, fmt.Errorf("user %q is not among those allowed, %q", user, p.AllowUsers)
	}
	matchesCaller := func(pattern string) bool { return caller != "" && matchGlob(pattern, caller) }
	if len(p.Callers) != 0 && !slices.ContainsFunc(p.Callers, matchesCaller) {
		return CallerDenied, fmt.Errorf("it was pushed by %.300q, required is %q", caller, p.Callers)
	}
	return Undecided, nil
}

func matchUser(pattern, user string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(user, prefix)
	}
	return pattern == user
}

// matchGlob takes time in proportion to the product of both lengths at worst,
// whatever the pattern.
func matchGlob(pattern, text string) bool {
	p, t := 0, 0
	star, mark := -1, 0 // the last "*" in pattern and where its text may end
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// ValidUserPattern reports whether s is a user name that keys can be pushed
// for, or the beginning of one and "*", or "*" alone.
func ValidUserPattern(s string) bool {
	prefix, isPrefix := strings.CutSuffix(s, "*")
	return activekeys.ValidUser(prefix) || isPrefix && prefix == ""
}
