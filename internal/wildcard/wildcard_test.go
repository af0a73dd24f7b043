package wildcard

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true},
		{"*", "anything", true},
		{"", "", true},
		{"", "a", false},
		{"a*c", "abc", true},
		{"a*c", "ac", true},
		{"a*c", "acb", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"*a*a*b", "aaaaaaaaab", true},
		{"*a*a*c", "aaaaaaaaab", false},
		{"[a]", "a", false},
		{`\*`, "*", false},
		{"arn:aws:iam::1:role/ops-*", "arn:aws:iam::1:role/ops-", true},
		{"arn:aws:iam::1:role/ops-*", "arn:aws:iam::1:role/op", false},
		{"arn:aws:iam::1:role/ops-*", "xarn:aws:iam::1:role/ops-1", false},
		{"arn:aws:iam::1:user/a", "arn:aws:iam::1:user/A", false},
	} {
		require.Equal(t, test.want, Match(test.pattern, test.text), "%q %q", test.pattern, test.text)
	}
}
