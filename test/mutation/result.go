package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The outcomes that gremlins reports.
const (
	killed     = "KILLED"
	lived      = "LIVED"
	timedOut   = "TIMED OUT"
	notViable  = "NOT VIABLE"
	notCovered = "NOT COVERED"
)

// mutation is one change in gremlins' report.
type mutation struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Type   string `json:"type"`
	Status string `json:"status"`

	file, text string // the file's name, and the whole line
}

// result is the outcome of all changes in one package.
type result struct {
	name   string
	took   time.Duration
	count  map[string]int
	missed []mutation
}

// noticed is the percentage of changes that were noticed, of those that compile. A change
// that ran out of time does not count as noticed, because a busy machine looks the same.
func (r result) noticed() float64 {
	tried := r.count[killed] + r.count[lived] + r.count[timedOut] + r.count[notCovered]
	return 100 * float64(r.count[killed]) / float64(max(tried, 1))
}

// String returns the package's figures and each change that was not noticed.
func (r result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %.1f %% noticed: %d noticed, %d not, %d ran out of time, %d not tried; %d do not compile; %s", r.name, r.noticed(),
		r.count[killed], r.count[lived], r.count[timedOut], r.count[notCovered], r.count[notViable], r.took)
	slices.SortFunc(r.missed, func(a, b mutation) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	for _, m := range r.missed {
		fmt.Fprintf(&b, "\n  %s: %s:%d:%d %s: %s", strings.ToLower(m.Status), m.file, m.Line, m.Column, m.Type, m.text)
	}
	return b.String()
}

// failures returns the problems of the result: too few noticed changes, or an unnoticed change
// without a reason.
func (r result) failures(reasons string) []string {
	var failures []string
	if r.noticed() < least {
		failures = append(failures, fmt.Sprintf("%s: %.1f %% noticed, expected at least %d %%", r.name, r.noticed(), least))
	}
	for _, m := range r.missed {
		if !strings.Contains(reasons, fmt.Sprintf("`%s/%s`: `%s`", r.name, m.file, m.text)) {
			failures = append(failures, fmt.Sprintf("%s/%s:%d: not noticed, and without a reason in %s: %s: %s", r.name, m.file, m.Line, page, m.Type, m.text))
		}
	}
	return failures
}
