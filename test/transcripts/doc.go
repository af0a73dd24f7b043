// Package transcripts keeps the transcripts in the documentation up to date. Tests run the same
// commands again, and Compare compares every character.
package transcripts

import (
	"os"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/stretchr/testify/require"
)

// place matches a transcript on a page: a comment with its name, and a fenced block.
var place = regexp.MustCompile("(?s)(<!-- transcript: ([a-z-]+) -->\n```[a-z]*\n)(.*?)(```\n)")

// Compare requires that the transcripts in documents equal the stories, each in exactly one
// document. With update, Compare writes the transcripts instead.
func Compare(t *testing.T, documents []string, stories map[string]string, update bool) {
	t.Helper()
	for _, document := range documents {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		told := place.ReplaceAllFunc(text, func(block []byte) []byte {
			parts := place.FindSubmatch(block)
			story, known := stories[string(parts[2])]
			require.True(t, known, "%s has a transcript %q that no test makes", document, parts[2])
			delete(stories, string(parts[2]))
			return []byte(string(parts[1]) + story + string(parts[4]))
		})
		switch changes := diff.Diff(document, text, "what is told now", told); {
		case changes == nil:
		case update:
			require.NoError(t, os.WriteFile(document, told, 0o644))
		default:
			t.Errorf("%s is not up to date; the same test with -update writes it again:\n%s", document, changes)
		}
	}
	require.Empty(t, stories, "these transcripts are in no document")
}
