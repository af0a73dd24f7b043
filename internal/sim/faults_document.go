package sim

import (
	"bytes"
	"strings"

	"eic/internal/sim/document"
)

// documentFaults are faults in the document outside of its blocks.
func documentFaults() []Fault {
	return []Fault{
		{Name: "keys=empty", Description: "the document exists and is empty", Expect: None,
			apply: whole(func([]byte) []byte { return []byte{} })},
		refused("keys=html", "the document is an HTML page", "malformed document",
			whole(func([]byte) []byte {
				return []byte("<html>\n<head><title>Welcome</title></head>\n<body>It works!</body>\n</html>\n")
			})),
		printed("keys=no-last-newline", "the last line has no newline",
			whole(func(b []byte) []byte { return bytes.TrimSuffix(b, []byte("\n")) })),
		printed("keys=leading-blank-lines", "there are blank lines before the first block",
			whole(func(b []byte) []byte { return append([]byte("\n\n\n"), b...) })),
		printed("keys=garbage-before", "other text comes before the first block",
			whole(func(b []byte) []byte { return append([]byte(garbage+"\n"), b...) })),
		printed("keys=garbage-after", "other text comes after the last block",
			whole(func(b []byte) []byte { return append(b, "\n"+garbage...) })),
		printed("keys=bad-block-first", "a block with a bad signature comes before the pushed key",
			blocks(func(w *document.Writer, pushed []document.Block) ([]document.Block, error) {
				bad, err := badBlock(w, pushed[0])
				return append([]document.Block{bad}, pushed...), err
			})),
		printed("keys=good-then-bad", "a block with a bad signature comes after the pushed key",
			blocks(func(w *document.Writer, pushed []document.Block) ([]document.Block, error) {
				bad, err := badBlock(w, pushed[0])
				return append(pushed, bad), err
			})),
	}
}

const garbage = "This is not a block.\nNor is this.\n"

// badBlock returns a block whose key was replaced after signing.
func badBlock(w *document.Writer, like document.Block) (document.Block, error) {
	block, err := another(w, like, "ssh-ed25519 signed-for-another-key")
	block.Text = strings.Replace(block.Text, block.Entry.Key, foreignKey, 1)
	return block, err
}

func whole(edit func([]byte) []byte) func(*scenario) {
	return func(w *scenario) { w.form.Documents = append(w.form.Documents, edit) }
}
