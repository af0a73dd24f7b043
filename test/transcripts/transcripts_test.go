package transcripts

import (
	"flag"
	"testing"
)

var update = flag.Bool("update", false, "write the transcripts into the document instead of comparing them")

func TestTranscripts(t *testing.T) {
	Compare(t, []string{"../../docs/reference/explain.md", "../../docs/how-to/audit.md"}, tell(t), *update)
}
