package differential

import (
	"bytes"
	"slices"
	"strings"
)

// mutation is one way in which evidence can differ from good evidence.
type mutation struct {
	name  string
	apply func(*plan)
}

// mutations returns every mutation.
func mutations() []mutation {
	return slices.Concat(placeMutations(), signerMutations(), authorityMutations(), extensionMutations(),
		chainMutations(), stapleMutations(), responderMutations(), blockMutations(), documentMutations())
}

// mutate applies up to three mutations and returns their names. One case in ten has none,
// to notice an implementation that refuses everything.
func (p *plan) mutate() []string {
	all := mutations()
	number := pick(p, 0, 1, 1, 1, 1, 1, 2, 2, 2, 3)
	var names []string
	for range number {
		m := pick(p, all...)
		m.apply(p)
		names = append(names, m.name)
	}
	return names
}

// flip returns an edit that changes one octet.
func (p *plan) flip() func([]byte) []byte {
	where, what := p.Float64(), byte(1)<<p.IntN(8)
	return func(b []byte) []byte {
		b = bytes.Clone(b)
		if len(b) > 0 {
			b[int(where*float64(len(b)))] ^= what
		}
		return b
	}
}

// cut returns an edit that removes octets from the end.
func (p *plan) cut() func([]byte) []byte {
	keep := p.Float64()
	return func(b []byte) []byte { return b[:int(keep*float64(len(b)))] }
}

// appended returns an edit that adds octets at the end.
func appended(text string) func([]byte) []byte {
	return func(b []byte) []byte { return append(bytes.Clone(b), text...) }
}

// replaced returns an edit that replaces a text everywhere.
func replaced(old, with string) func([]byte) []byte {
	return func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), old, with)) }
}
