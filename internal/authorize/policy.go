package authorize

import (
	"fmt"
	"slices"
	"strings"

	"eic/internal/activekeys"
	"eic/internal/wildcard"
)

// Policy is what the administrator of a host demands of a key beyond what EC2
// Instance Connect does. The zero Policy demands nothing.
type Policy struct {
	// DenyUsers are users for whom no key counts, and AllowUsers, if there are
	// any, the only ones for whom one does. A name that ends in "*" stands
	// for every name that begins like it. Denial comes first.
	DenyUsers, AllowUsers []string
	// Callers, if there are any, are the only IAM principals whose keys
	// count: ARNs in which "*" stands for any text and "?" for any character.
	// A key without a caller then never counts.
	Callers []string
	// KeyOptions is put in front of each printed key. It must have passed
	// CheckKeyOptions.
	KeyOptions string
	// CallerEnvironment puts options in front of each printed key that set
	// EIC_CALLER to the IAM principal and EIC_REQUEST to the request id, as
	// far as the entry has them.
	CallerEnvironment bool
}

// Names of the variables that CallerEnvironment sets.
const (
	callerVariable  = "EIC_CALLER"
	requestVariable = "EIC_REQUEST"
)

// options returns what is put in front of the key of an entry. It fails if
// the entry's caller or request id is not fit for an environment.
func (p Policy) options(entry activekeys.Entry) (string, error) {
	var options []string
	if p.CallerEnvironment {
		for _, variable := range []struct{ name, value string }{
			{callerVariable, entry.Caller}, {requestVariable, entry.Request},
		} {
			if variable.value == "" {
				continue
			}
			option, err := environment(variable.name, variable.value)
			if err != nil {
				return "", err
			}
			options = append(options, option)
		}
	}
	if p.KeyOptions != "" {
		options = append(options, p.KeyOptions)
	}
	return strings.Join(options, ","), nil
}

// check returns Undecided and the options for the key, or why the entry of a
// key pushed for user is refused.
func (p Policy) check(user string, entry activekeys.Entry) (options string, reason Reason, detail error) {
	matchesUser := func(pattern string) bool { return matchUser(pattern, user) }
	if i := slices.IndexFunc(p.DenyUsers, matchesUser); i >= 0 {
		return "", UserDenied, fmt.Errorf("user %q is denied by %q", user, p.DenyUsers[i])
	}
	if len(p.AllowUsers) != 0 && !slices.ContainsFunc(p.AllowUsers, matchesUser) {
		return "", UserDenied, fmt.Errorf("user %q is not among those allowed, %q", user, p.AllowUsers)
	}
	matchesCaller := func(pattern string) bool { return entry.Caller != "" && wildcard.Match(pattern, entry.Caller) }
	if len(p.Callers) != 0 && !slices.ContainsFunc(p.Callers, matchesCaller) {
		return "", CallerDenied, fmt.Errorf("it was pushed by %.300q, required is %q", entry.Caller, p.Callers)
	}
	options, err := p.options(entry)
	if err != nil {
		return "", CallerDenied, err
	}
	return options, Undecided, nil
}

func matchUser(pattern, user string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(user, prefix)
	}
	return pattern == user
}

// ValidUserPattern reports whether s is a user name that keys can be pushed
// for, or the beginning of one and "*", or "*" alone.
func ValidUserPattern(s string) bool {
	prefix, isPrefix := strings.CutSuffix(s, "*")
	return activekeys.ValidUser(prefix) || isPrefix && prefix == ""
}
