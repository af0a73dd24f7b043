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
	// KeyOptions is put before each printed key. It must have passed CheckKeyOptions.
	KeyOptions string
	// CallerEnvironment puts options before each printed key that set EIC_CALLER to the
	// IAM principal and EIC_REQUEST to the request id, if the entry has them.
	CallerEnvironment bool
}

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

// check applies the policy to an entry pushed for user. It returns Undecided and the
// options for the key, or the reason for refusal.
func (p Policy) check(user string, entry activekeys.Entry) (options string, reason Reason, detail error) {
	matchesUser := func(pattern string) bool { return matchUser(pattern, user) }
	if i := slices.IndexFunc(p.DenyUsers, matchesUser); i >= 0 {
		return "", UserDenied, fmt.Errorf("user %q matches deny-user %q", user, p.DenyUsers[i])
	}
	if len(p.AllowUsers) != 0 && !slices.ContainsFunc(p.AllowUsers, matchesUser) {
		return "", UserDenied, fmt.Errorf("user %q matches none of allow-user %q", user, p.AllowUsers)
	}
	matchesCaller := func(pattern string) bool { return entry.Caller != "" && wildcard.Match(pattern, entry.Caller) }
	if len(p.Callers) != 0 && !slices.ContainsFunc(p.Callers, matchesCaller) {
		return "", CallerDenied, fmt.Errorf("pushed by %.300q, expected a caller that matches %q", entry.Caller, p.Callers)
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

// ValidUserPattern reports whether s is a user name that keys can be pushed for, a prefix
// of one followed by "*", or "*" alone.
func ValidUserPattern(s string) bool {
	prefix, isPrefix := strings.CutSuffix(s, "*")
	return activekeys.ValidUser(prefix) || isPrefix && prefix == ""
}
