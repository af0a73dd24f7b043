package transcripts

import (
	"flag"
	"os"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the transcripts into the document instead of comparing them")

// documents have places for transcripts.
func documents() []string { return []string{"../../docs/explain.md", "../../docs/audit.md"} }

// place is where a transcript stands: a comment with its name, and a fenced
// block.
var place = regexp.MustCompile("(?s)(<!-- transcript: ([a-z-]+) -->\n```[a-z]*\n)(.*?)(```\n)")

func TestTranscripts(t *testing.T) {
	stories := tell(t)
	for _, document := range documents() {
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
		case *update:
			require.NoError(t, os.WriteFile(document, told, 0o644))
		default:
			t.Errorf("%s is not up to date; \"make docs\" writes it anew:\n%s", document, changes)
		}
	}
	require.Empty(t, stories, "no document has a place for these transcripts")
}
