package iam

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// kind is the type of a condition key.
type kind string

const (
	text    kind = "String"
	numeric kind = "Numeric"
	address kind = "IpAddress"
)

// The condition keys, in lower case, since their names are not case-sensitive.
const (
	OSUser            = "ec2:osuser"
	RemotePort        = "ec2-instance-connect:remoteport"
	PrivateIPAddress  = "ec2-instance-connect:privateipaddress"
	MaxTunnelDuration = "ec2-instance-connect:maxtunnelduration"
	SourceIP          = "aws:sourceip"
)

func keyKind(key string) (kind, bool) {
	k, ok := map[string]kind{
		OSUser: text, RemotePort: numeric, PrivateIPAddress: address, MaxTunnelDuration: numeric, SourceIP: address,
	}[strings.ToLower(key)]
	return k, ok
}

// operator is one of IAM's condition operators.
type operator struct {
	kind kind
	// negated operators are satisfied if no value matches, or if the request does not
	// have the key.
	negated bool
	// check reports whether a policy may contain this value. matches reports whether it
	// matches a request's value.
	check   func(policy string) error
	matches func(policy, value string) bool
}

func operators() map[string]operator {
	equals := func(policy, value string) bool { return policy == value }
	any := func(string) error { return nil }
	number := func(holds func(order int) bool) operator {
		return operator{kind: numeric, check: isNumber, matches: func(policy, value string) bool {
			limit, err1 := strconv.ParseFloat(policy, 64)
			got, err2 := strconv.ParseFloat(value, 64)
			return errors.Join(err1, err2) == nil && holds(cmp.Compare(got, limit))
		}}
	}
	all := map[string]operator{
		"StringEquals":             {kind: text, check: any, matches: equals},
		"StringLike":               {kind: text, check: any, matches: like},
		"IpAddress":                {kind: address, check: isPrefix, matches: inPrefix},
		"NumericEquals":            number(func(order int) bool { return order == 0 }),
		"NumericLessThan":          number(func(order int) bool { return order < 0 }),
		"NumericLessThanEquals":    number(func(order int) bool { return order <= 0 }),
		"NumericGreaterThan":       number(func(order int) bool { return order > 0 }),
		"NumericGreaterThanEquals": number(func(order int) bool { return order >= 0 }),
	}
	for name, negation := range map[string]string{
		"StringNotEquals": "StringEquals", "StringNotLike": "StringLike", "NumericNotEquals": "NumericEquals", "NotIpAddress": "IpAddress",
	} {
		o := all[negation]
		o.negated = true
		all[name] = o
	}
	return all
}

// condition is one operator and one key with its values, any of which may match.
type condition struct {
	operator operator
	key      string
	values   []string
}

func newCondition(name, key string, values []scalar) (condition, error) {
	o, known := operators()[name]
	if !known {
		return condition{}, fmt.Errorf("unknown operator %q", name)
	}
	k, known := keyKind(key)
	switch {
	case !known:
		return condition{}, fmt.Errorf("unknown condition key %q", key)
	case k != o.kind:
		return condition{}, fmt.Errorf("%s: expected an operator for a key of type %s, got %q", key, k, name)
	case len(values) == 0:
		return condition{}, fmt.Errorf("%s: expected a value, got none", key)
	}
	c := condition{operator: o, key: strings.ToLower(key)}
	for _, value := range values {
		if err := errors.Join(o.check(string(value)), noVariables(string(value))); err != nil {
			return condition{}, fmt.Errorf("%s: %w", key, err)
		}
		c.values = append(c.values, string(value))
	}
	return c, nil
}

// holds reports whether a request's condition keys satisfy the condition.
func (c condition) holds(context map[string]string) bool {
	value, present := context[c.key]
	if !present {
		return c.operator.negated
	}
	matched := slices.ContainsFunc(c.values, func(policy string) bool { return c.operator.matches(policy, value) })
	return matched != c.operator.negated
}

func isNumber(value string) error {
	if _, err := strconv.ParseFloat(value, 64); err != nil {
		return fmt.Errorf("expected a number, got %q", value)
	}
	return nil
}

// prefix parses an address, or a range of them in CIDR notation.
func prefix(value string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(value); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(value)
}

func isPrefix(value string) error {
	if _, err := prefix(value); err != nil {
		return fmt.Errorf("expected an IP address or a range in CIDR notation, got %q", value)
	}
	return nil
}

func inPrefix(policy, value string) bool {
	p, err1 := prefix(policy)
	a, err2 := netip.ParseAddr(value)
	return errors.Join(err1, err2) == nil && p.Contains(a.Unmap())
}
