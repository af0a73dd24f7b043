// Package iam identifies the callers of EC2 Instance Connect's APIs, and evaluates an IAM
// policy in JSON for their calls.
//
// It supports the part of the policy language that such policies use. Anything else is an
// error when a policy is parsed, so that nothing in a policy is ignored.
package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Effect is a policy's decision on a request.
type Effect int

// The effects. An explicit deny overrides any allow.
const (
	ImplicitDeny Effect = iota
	Allow
	ExplicitDeny
)

// Request is a request to decide on.
type Request struct {
	// Action is an action such as "ec2-instance-connect:SendSSHPublicKey".
	Action string
	// Resource is an ARN, or "*" for an action without resources.
	Resource string
	// Context holds the condition keys of the request, by name in lower case.
	Context map[string]string
}

// Policy is an identity-based policy.
type Policy struct {
	statements []statement
}

type statement struct {
	allow              bool
	actions, resources []string
	conditions         []condition
}

// document is the JSON form of a policy.
type document struct {
	Version   string
	ID        string `json:"Id"`
	Statement list[written]
}

type written struct {
	Sid, Effect      string
	Action, Resource list[string]
	Condition        map[string]map[string]list[scalar]
}

// list is one value or an array of them.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte("[")) {
		return strict(text, (*[]T)(l))
	}
	var one T
	if err := strict(text, &one); err != nil {
		return err
	}
	*l = list[T]{one}
	return nil
}

// scalar is the value of a condition: a string or a number.
type scalar string

func (s *scalar) UnmarshalJSON(text []byte) error {
	var number json.Number
	if err := json.Unmarshal(text, (*string)(s)); err != nil {
		if json.Unmarshal(text, &number) != nil {
			return fmt.Errorf("expected a string or a number, got %s", text)
		}
		*s = scalar(number)
	}
	return nil
}

// strict parses one JSON value without unknown fields.
func strict(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("expected one JSON value, got more")
	}
	return nil
}

// ParsePolicy parses a policy. Anything that it does not support is an error.
func ParsePolicy(text []byte) (*Policy, error) {
	if err := checkNames(json.NewDecoder(bytes.NewReader(text))); err != nil {
		return nil, fmt.Errorf("parsing policy: %w", err)
	}
	var d document
	if err := strict(text, &d); err != nil {
		return nil, fmt.Errorf("parsing policy: %w", err)
	}
	if d.Version != "2012-10-17" {
		return nil, fmt.Errorf("parsing policy: Version: expected \"2012-10-17\", got %q", d.Version)
	}
	if len(d.Statement) == 0 {
		return nil, errors.New("parsing policy: expected a Statement, got none")
	}
	p := new(Policy)
	for i, w := range d.Statement {
		s, err := w.read()
		if err != nil {
			return nil, fmt.Errorf("parsing policy: statement %d: %w", i+1, err)
		}
		p.statements = append(p.statements, s)
	}
	return p, nil
}

// checkNames refuses a name that occurs twice in one object. encoding/json would use the
// last one and silently ignore the first.
func checkNames(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			key := strings.ToLower(fmt.Sprint(name))
			if seen[key] {
				return fmt.Errorf("%q occurs twice", name)
			}
			seen[key] = true
		}
		if err := checkNames(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

var actionPattern = regexp.MustCompile(`^(\*|[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+)$`)

// read checks the JSON form of a statement.
func (w written) read() (statement, error) {
	s := statement{allow: w.Effect == "Allow", actions: w.Action, resources: w.Resource}
	switch {
	case w.Effect != "Allow" && w.Effect != "Deny":
		return statement{}, fmt.Errorf("reading Effect: expected \"Allow\" or \"Deny\", got %q", w.Effect)
	case len(w.Action) == 0:
		return statement{}, errors.New("expected an Action, got none")
	case len(w.Resource) == 0:
		return statement{}, errors.New("expected a Resource, got none")
	}
	for _, action := range w.Action {
		if !actionPattern.MatchString(action) {
			return statement{}, fmt.Errorf("reading Action: expected SERVICE:OPERATION or *, got %q", action)
		}
	}
	for _, resource := range w.Resource {
		if resource != "*" && !strings.HasPrefix(resource, "arn:") {
			return statement{}, fmt.Errorf("reading Resource: expected an ARN or *, got %q", resource)
		}
		if err := noVariables(resource); err != nil {
			return statement{}, fmt.Errorf("reading Resource: %w", err)
		}
	}
	for operator, keys := range w.Condition {
		for key, values := range keys {
			c, err := newCondition(operator, key, values)
			if err != nil {
				return statement{}, fmt.Errorf("reading Condition: %w", err)
			}
			s.conditions = append(s.conditions, c)
		}
	}
	return s, nil
}

// noVariables refuses policy variables, which are not supported.
func noVariables(text string) error {
	if strings.Contains(text, "${") {
		return fmt.Errorf("policy variables are unknown here, got %q", text)
	}
	return nil
}

// Decide returns the policy's decision on a request. A nil Policy allows everything.
func (p *Policy) Decide(r Request) Effect {
	if p == nil {
		return Allow
	}
	effect := ImplicitDeny
	for _, s := range p.statements {
		switch {
		case !s.applies(r):
		case !s.allow:
			return ExplicitDeny
		default:
			effect = Allow
		}
	}
	return effect
}

func (s statement) applies(r Request) bool {
	matches := func(patterns []string, text string) bool {
		for _, pattern := range patterns {
			if like(pattern, text) {
				return true
			}
		}
		return false
	}
	lower := make([]string, len(s.actions))
	for i, action := range s.actions {
		lower[i] = strings.ToLower(action)
	}
	if !matches(lower, strings.ToLower(r.Action)) || !matches(s.resources, r.Resource) {
		return false
	}
	for _, c := range s.conditions {
		if !c.holds(r.Context) {
			return false
		}
	}
	return true
}

// like reports whether text matches a pattern in which * matches any text and ? any
// character.
func like(pattern, text string) bool {
	expression := regexp.QuoteMeta(pattern)
	expression = strings.ReplaceAll(strings.ReplaceAll(expression, `\*`, `.*`), `\?`, `.`)
	matched, err := regexp.MatchString(`(?s)^`+expression+`$`, text)
	return err == nil && matched
}
