package sshdconfig

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"eic/internal/argv"
)

// A block of our lines, alone in DropIn or at the head of sshd_config:
//
//	# BEGIN eic: …
//	# checksum 0123456789abcdef
//	# made /path                    (for everything that disable has to remove)
//	AuthorizedKeysCommand …
//	AuthorizedKeysCommandUser …
//	# END eic
//
// The checksum is over the lines between it and the last one. It tells work of
// somebody's hands from ours; it keeps nobody from anything.
const (
	blockBegin   = "# BEGIN eic"
	blockHead    = blockBegin + `: written by "eic enable", removed by "eic disable"; neither touches it once it is edited`
	blockEnd     = "# END eic"
	checksumMark = "# checksum "
	madeMark     = "# made "
)

// maxLine is how much of a line, with its newline and a NUL, OpenSSH 7.4 reads
// at once, and how long any sshd lets an argument become.
const maxLine = 4096

// An entry is what our block says.
type entry struct {
	// args are the arguments of the command between "authorized-keys" and the
	// user, as sshd expands them.
	args []string
	// made are folders and links that exist because of us.
	made []string
}

// command returns the value of our AuthorizedKeysCommand.
func (e entry) command() string {
	return argv.Quote(slices.Concat([]string{Program, "authorized-keys"}, e.args, []string{"%u", "%f"}))
}

// text returns the block.
func (e entry) text() []byte {
	var body strings.Builder
	for _, name := range e.made {
		body.WriteString(madeMark + name + "\n")
	}
	fmt.Fprintf(&body, "AuthorizedKeysCommand %s\nAuthorizedKeysCommandUser %s\n", e.command(), CommandUser)
	return []byte(blockHead + "\n" + checksumMark + checksum(body.String()) + "\n" + body.String() + blockEnd + "\n")
}

func checksum(body string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(body)))[:16]
}

// A block is one of ours as it was found in a file.
type block struct {
	file string
	// start and end are where it stands in the file, line the number of its
	// first line.
	start, end, line int
	text             []byte
	entry            entry
	// edited is set for a block that is not as it was written.
	edited bool
}

// findBlock looks for our block. In DropIn everything has to be the block; a
// file there that is anything else counts as an edited one.
func findBlock(file string, data []byte) (block, bool) {
	start := markAt(data, blockBegin)
	if start < 0 {
		return block{file: file, edited: file == DropIn}, file == DropIn
	}
	b := block{file: file, start: start, end: len(data), line: 1 + bytes.Count(data[:start], []byte("\n"))}
	length := markAt(data[start:], blockEnd+"\n")
	if length < 0 {
		b.edited = true
		return b, true
	}
	b.end = start + length + len(blockEnd+"\n")
	b.text = data[start:b.end]
	b.entry, b.edited = readBlock(string(b.text))
	alone := b.start == 0 && b.end == len(data)
	again := markAt(data[b.end:], blockBegin) >= 0
	b.edited = b.edited || again || file == DropIn && !alone
	return b, true
}

// markAt returns where mark starts a line of data, or -1.
func markAt(data []byte, mark string) int {
	if bytes.HasPrefix(data, []byte(mark)) {
		return 0
	}
	at := bytes.Index(data, []byte("\n"+mark))
	if at < 0 {
		return -1
	}
	return at + 1
}

func readBlock(text string) (e entry, edited bool) {
	_, text, _ = strings.Cut(text, "\n")
	sum, body, _ := strings.Cut(text, "\n")
	body = strings.TrimSuffix(body, blockEnd+"\n")
	if sum != checksumMark+checksum(body) {
		return entry{}, true
	}
	for line := range strings.SplitSeq(body, "\n") {
		if name, found := strings.CutPrefix(line, madeMark); found {
			e.made = append(e.made, name)
		}
		if keyword, value := parseLine(line); keyword == keysCommand {
			args, err := argv.Split(value)
			if err != nil || len(args) < 4 {
				return entry{}, true
			}
			e.args = args[2 : len(args)-2] // without the program and authorized-keys, %u and %f
		}
	}
	return e, false
}

// cut returns data without the block; it is never nil, which would say that
// there is no file.
func (b block) cut(data []byte) []byte {
	return b.replace(data, []byte{})
}

// replace returns data with another text in place of the block.
func (b block) replace(data, text []byte) []byte {
	return append(append(append([]byte{}, data[:b.start]...), text...), data[b.end:]...)
}

// checkArgument refuses what cannot stand in a line of sshd_config, quoted or
// not.
func checkArgument(arg string) error {
	for _, r := range arg {
		switch {
		case r == unicode.ReplacementChar:
			return fmt.Errorf("writing %q into sshd_config: expected UTF-8", arg)
		case unicode.IsControl(r):
			return fmt.Errorf("writing %q into sshd_config: expected one line without control characters", arg)
		case r == '#':
			return fmt.Errorf("writing %q into sshd_config: expected no #, at which OpenSSH before 8.7 cuts a line off even in quotes", arg)
		}
	}
	return nil
}

// check refuses an entry that some sshd would not read as it is meant.
func (e entry) check() error {
	for _, arg := range slices.Concat(e.args, e.made) {
		if err := checkArgument(arg); err != nil {
			return err
		}
	}
	for _, name := range e.made {
		if !path.IsAbs(name) {
			return fmt.Errorf("writing %q into sshd_config: expected an absolute path", name)
		}
	}
	if length := len("AuthorizedKeysCommand \n\x00") + len(e.command()); length > maxLine {
		return fmt.Errorf("writing AuthorizedKeysCommand: its line needs %d bytes, some sshd read no more than %d", length, maxLine)
	}
	return nil
}
