package documents

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Block is a block of commands on a page, or a comment in the page's source about the blocks
// after it.
type Block struct {
	// Line is the number of the first line, from 1.
	Line int
	// Commands are the lines of the block, without its indentation. They are
	// empty for a comment.
	Commands string
	// Directive and Value are the parts of a comment, <!-- DIRECTIVE: VALUE -->.
	// The directives are
	//
	//	machine: KIND      the blocks after it run on a new machine: debian, rpm or
	//	                   arch; or aws, a laptop with AWS's command line
	//	prepare: COMMANDS  run before the next block; the page leaves them to the reader
	//	then: CHECK        a check after the block before it
	//	run by: TEST       another test runs the next block
	//	not run: REASON    why the next block is not run
	Directive, Value string
}

var (
	directive = regexp.MustCompile(`^<!-- (machine|prepare|then|run by|not run): (.*) -->$`)
	fence     = regexp.MustCompile("^```([a-z]*)")
)

// Blocks returns the blocks of commands of a page, and the comments about them, in order.
// Indented blocks and fenced blocks for sh have commands. Other fenced blocks have files, output
// or events.
func Blocks(page string) ([]Block, error) {
	text, err := os.ReadFile(page)
	if err != nil {
		return nil, err
	}
	var blocks []Block
	language, fenced := "", false
	begins := true // whether an indented line begins a block
	for i, line := range strings.Split(string(text), "\n") {
		commands, indented := strings.CutPrefix(line, "    ")
		if match := fence.FindStringSubmatch(line); match != nil {
			fenced, language, begins = !fenced, match[1], true
			continue
		}
		switch match := directive.FindStringSubmatch(line); {
		case match != nil:
			blocks = append(blocks, Block{Line: i + 1, Directive: match[1], Value: match[2]})
			begins = true
		case fenced && language == "sh", !fenced && indented:
			if fenced {
				commands = line
			}
			if begins {
				blocks = append(blocks, Block{Line: i + 1})
			}
			blocks[len(blocks)-1].Commands += commands + "\n"
			begins = false
		case strings.HasPrefix(line, "<!-- ") && !strings.HasPrefix(line, "<!-- transcript: "):
			return nil, fmt.Errorf("%s:%d: unknown comment %q", page, i+1, line)
		case line != "" && !fenced:
			begins = true
		}
	}
	return blocks, nil
}
