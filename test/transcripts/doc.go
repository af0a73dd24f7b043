// Package transcripts keeps the transcripts in the documentation true: tests tell the
// same stories to the same code again, and Compare compares every character.
package transcripts

import (
	"os"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/stretchr/testify/require"
)

// place is where a transcript stands: a comment with its name, and a fenced
// block.
var place = regexp.MustCompile("(?s)(<!-- transcript: ([a-z-]+) -->\n```[a-z]*\n)(.*?)(```\n)")

// Compare wants the transcripts in documents to be the stories, each told in one of
// them. If update is set, it writes them there instead.
func Compare(t *testing.T, documents []string, stories map[string]string, update bool) {
	t.Helper()
	for _, document := range documents {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		told := place.ReplaceAllFunc(text, func(block []byte) []byte {
			parts := place.FindSubmatch(block)
			story, known := stories[string(parts[2])]
			require.True(t, known, "%s has a place for a transcript %q that nobody makes", document, parts[2])
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
	require.Empty(t, stories, "no document has a place for these transcripts")
}
