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

const document = "../../docs/explain.md"

// place is where a transcript stands: a comment with its name, and a fenced
// block.
var place = regexp.MustCompile("(?s)(<!-- transcript: ([a-z-]+) -->\n```[a-z]*\n)(.*?)(```\n)")

func TestTranscripts(t *testing.T) {
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	stories := tell(t)
	told := place.ReplaceAllFunc(text, func(block []byte) []byte {
		parts := place.FindSubmatch(block)
		story, known := stories[string(parts[2])]
		require.True(t, known, "%s has a place for a transcript %q that nobody makes", document, parts[2])
		delete(stories, string(parts[2]))
		return []byte(string(parts[1]) + story + string(parts[4]))
	})
	require.Empty(t, stories, "%s has no place for these transcripts", document)
	if *update {
		require.NoError(t, os.WriteFile(document, told, 0o644))
		return
	}
	if changes := diff.Diff(document, text, "what is told now", told); changes != nil {
		t.Fatalf("%s is not up to date; \"make docs\" writes it anew:\n%s", document, changes)
	}
}
