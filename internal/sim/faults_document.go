package sim

import (
	"bytes"
	"strings"

	"eic/internal/sim/document"
)

// documentFaults are those of the document around its blocks.
func documentFaults() []Fault {
	return []Fault{
		{Name: "keys=empty", Description: "the document is there and empty", Expect: None,
			apply: whole(func([]byte) []byte { return []byte{} })},
		refused("keys=html", "an HTML page is there instead", "malformed document",
			whole(func([]byte) []byte {
				return []byte("<html>\n<head><title>Welcome</title></head>\n<body>It works!</body>\n</html>\n")
			})),
		printed("keys=no-last-newline", "the last line has no end",
			whole(func(b []byte) []byte { return bytes.TrimSuffix(b, []byte("\n")) })),
		printed("keys=leading-blank-lines", "there are blank lines before the first block",
			whole(func(b []byte) []byte { return append([]byte("\n\n\n"), b...) })),
		printed("keys=garbage-before", "there is something else before the first block",
			whole(func(b []byte) []byte { return append([]byte(garbage+"\n"), b...) })),
		printed("keys=garbage-after", "there is something else behind the last block",
			whole(func(b []byte) []byte { return append(b, "\n"+garbage...) })),
		printed("keys=bad-block-first", "before the pushed key there is a block with a bad signature",
			blocks(func(w *document.Writer, pushed []document.Block) ([]document.Block, error) {
				bad, err := badBlock(w, pushed[0])
				return append([]document.Block{bad}, pushed...), err
			})),
		printed("keys=good-then-bad", "behind the pushed key there is a block with a bad signature",
			blocks(func(w *document.Writer, pushed []document.Block) ([]document.Block, error) {
				bad, err := badBlock(w, pushed[0])
				return append(pushed, bad), err
			})),
	}
}

const garbage = "This is not a block.\nNor is this.\n"

// badBlock is a block whose key was put in after signing.
func badBlock(w *document.Writer, like document.Block) (document.Block, error) {
	block, err := another(w, like, "ssh-ed25519 signed-for-another-key")
	block.Text = strings.Replace(block.Text, block.Entry.Key, foreignKey, 1)
	return block, err
}

func whole(edit func([]byte) []byte) func(*world) {
	return func(w *world) { w.form.Documents = append(w.form.Documents, edit) }
}
