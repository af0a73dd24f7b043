package authorize

import (
	"fmt"
	"slices"
	"strings"

	"eic/internal/activekeys"
	"eic/internal/wildcard"
)

// Policy holds the conditions that the administrator of a host adds to those of EC2
// Instance Connect. The zero Policy adds none.
type Policy struct {
	// DenyUsers lists users whose keys are refused. AllowUsers, if not empty, lists the
	// only users whose keys are accepted. A name that ends in "*" matches every name with
	// that prefix. DenyUsers takes precedence.
	DenyUsers, AllowUsers []string
	// Callers, if not empty, lists the only IAM principals whose keys are accepted. Each
	// is an ARN in which "*" matches any text and "?" any character. A key without a
	// caller is then refused.
	Callers []string
	// Rules, if not empty, lists the only pairs of a user and a caller whose keys are
	// accepted. The fields above must be satisfied too.
	Rules []Rule
	// KeyOptions is put before each printed key. It must have passed CheckKeyOptions.
	KeyOptions string
	// CallerEnvironment puts options before each printed key that set EIC_CALLER to the
	// IAM principal and EIC_REQUEST to the request id, if the entry has them.
	CallerEnvironment bool
}

// Rule allows keys for one user from one caller.
type Rule struct {
	// User is a pattern as in AllowUsers, and Caller a pattern as in Callers. A key
	// without a caller matches no Rule.
	User   string `json:"user"`
	Caller string `json:"caller"`
}

// ParseRule reads a Rule from "USER from CALLER", in which blanks and tabs
// separate the three words. It checks neither pattern.
func ParseRule(text string) (Rule, error) {
	words := strings.Fields(text)
	if len(words) != 3 || words[1] != "from" {
		return Rule{}, fmt.Errorf("%q is not of the form USER from ARN", text)
	}
	return Rule{words[0], words[2]}, nil
}

// String returns r as ParseRule reads it.
func (r Rule) String() string { return r.User + " from " + r.Caller }

// The environment variables that CallerEnvironment sets.
const (
	callerVariable  = "EIC_CALLER"
	requestVariable = "EIC_REQUEST"
)

// options returns the options to put before the key of an entry. It returns an error if
// the caller or request id cannot safely be put in an environment variable.
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

// Ruling is what a Policy says of a key that a caller pushed for a user.
type Ruling struct {
	// Reason is Undecided if the Policy accepts the key, or the reason for refusal.
	Reason Reason
	// Detail explains the refusal. It is nil for Undecided.
	Detail error
	// By lists the terms that decided: every term that accepted the key, or the one
	// that refused it. It is empty for a refusal because no term matched.
	By []Term
}

// Term is one value of a Policy, with the name of the flag that sets it.
type Term struct{ Flag, Value string }

// Test applies the policy to any key that caller pushes for user. It does not check
// that such a user or caller can exist.
func (p Policy) Test(user, caller string) Ruling {
	_, ruling := p.check(user, activekeys.Entry{Caller: caller})
	return ruling
}

// check applies the policy to an entry pushed for user. It returns the options for the
// key if the policy accepts the entry.
func (p Policy) check(user string, entry activekeys.Entry) (options string, ruling Ruling) {
	matchesUser := func(pattern string) bool { return matchUser(pattern, user) }
	matchesCaller := func(pattern string) bool { return entry.Caller != "" && wildcard.Match(pattern, entry.Caller) }
	var by []Term
	if i := slices.IndexFunc(p.DenyUsers, matchesUser); i >= 0 {
		return "", Ruling{UserDenied, fmt.Errorf("user %q matches deny-user %q", user, p.DenyUsers[i]), []Term{{"deny-user", p.DenyUsers[i]}}}
	}
	if len(p.AllowUsers) != 0 {
		i := slices.IndexFunc(p.AllowUsers, matchesUser)
		if i < 0 {
			return "", Ruling{UserDenied, fmt.Errorf("user %q matches none of allow-user %q", user, p.AllowUsers), nil}
		}
		by = append(by, Term{"allow-user", p.AllowUsers[i]})
	}
	if len(p.Callers) != 0 {
		i := slices.IndexFunc(p.Callers, matchesCaller)
		if i < 0 {
			return "", Ruling{CallerDenied, fmt.Errorf("pushed by %.300q, expected a caller that matches %q", entry.Caller, p.Callers), nil}
		}
		by = append(by, Term{"require-caller", p.Callers[i]})
	}
	if len(p.Rules) != 0 {
		i := slices.IndexFunc(p.Rules, func(r Rule) bool { return matchesUser(r.User) && matchesCaller(r.Caller) })
		if i < 0 {
			return "", Ruling{RuleDenied, fmt.Errorf("user %q and caller %.300q match none of allow %q", user, entry.Caller, p.Rules), nil}
		}
		by = append(by, Term{"allow", p.Rules[i].String()})
	}
	options, err := p.options(entry)
	if err != nil {
		return "", Ruling{CallerDenied, err, []Term{{"caller-env", "true"}}}
	}
	return options, Ruling{By: by}
}

func matchUser(pattern, user string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(user, prefix)
	}
	return pattern == user
}

// ValidUserPattern reports whether s is a user name that keys can be pushed for, a prefix
// of one followed by "*", or "*" alone.
func ValidUserPattern(s string) bool {
	prefix, isPrefix := strings.CutSuffix(s, "*")
	return activekeys.ValidUser(prefix) || isPrefix && prefix == ""
}
