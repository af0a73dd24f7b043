package sshd

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"eic/internal/account"
	"eic/internal/argv"
)

// eic's block of lines, alone in DropIn or at the start of sshd_config:
//
//	# BEGIN eic: …
//	# checksum 0123456789abcdef
//	# made /path                    (for everything that disable has to remove)
//	AuthorizedKeysCommand …
//	AuthorizedKeysCommandUser …
//	# END eic
//
// The checksum covers the lines between itself and the last line. It detects manual edits
// but does not protect against attackers.
const (
	blockBegin   = "# BEGIN eic:"
	blockHead    = blockBegin + ` written by "eic enable", removed by "eic disable"; neither touches it once it is edited`
	blockEnd     = "# END eic"
	checksumMark = "# checksum "
	madeMark     = "# made "
)

// maxLine is the longest line, with its newline and a NUL, that OpenSSH 7.4 can read, and
// the longest argument that any sshd supports.
const maxLine = 4096

// earlierCommandUser is the CommandUser of versions before 0.2.0.
const earlierCommandUser = account.Earlier

// An Entry is the contents of eic's block.
type Entry struct {
	// Args are the arguments of the command between "authorized-keys" and the user, after
	// sshd's expansion.
	Args []string
	// User is the AuthorizedKeysCommandUser; empty means CommandUser. It differs if the
	// chained command needs another user.
	User string
	// Made lists the directories and links that eic created.
	Made []string
}

// Command returns the value of AuthorizedKeysCommand.
func (e Entry) Command() string {
	return argv.Quote(slices.Concat([]string{Program, "authorized-keys"}, e.Args, []string{"%u", "%f"}))
}

// RunsAs returns the value of AuthorizedKeysCommandUser.
func (e Entry) RunsAs() string {
	if e.User == "" {
		return CommandUser
	}
	return e.User
}

// Text returns the block.
func (e Entry) Text() []byte {
	var body strings.Builder
	for _, name := range e.Made {
		body.WriteString(madeMark + name + "\n")
	}
	fmt.Fprintf(&body, "AuthorizedKeysCommand %s\nAuthorizedKeysCommandUser %s\n", e.Command(), e.RunsAs())
	return []byte(blockHead + "\n" + checksumMark + checksum(body.String()) + "\n" + body.String() + blockEnd + "\n")
}

func checksum(body string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(body)))[:16]
}

// A Block is eic's block as found in a file.
type Block struct {
	File string
	// Line is the number of its first line.
	Line int
	Text []byte
	Entry
	// Edited is set if the block was changed after eic wrote it.
	Edited bool

	// BeginLines are the numbers of all lines in the file that begin a block.
	BeginLines []int

	start, end int // byte offsets in the file
}

// FindBlock looks for eic's block in a file. DropIn may contain nothing but the block;
// with any other contents it counts as edited.
func FindBlock(file string, data []byte) (Block, bool) {
	start := markAt(data, blockBegin)
	if start < 0 {
		return Block{File: file, Edited: file == DropIn}, file == DropIn
	}
	b := Block{File: file, start: start, end: len(data), Line: 1 + bytes.Count(data[:start], []byte("\n"))}
	for i, line := range strings.Split(string(data), "\n") {
		if strings.HasPrefix(line, blockBegin) {
			b.BeginLines = append(b.BeginLines, i+1)
		}
	}
	length := markAt(data[start:], blockEnd+"\n")
	if length < 0 {
		b.Edited = true
		return b, true
	}
	b.end = start + length + len(blockEnd+"\n")
	b.Text = data[start:b.end]
	b.Entry, b.Edited = readBlock(string(b.Text))
	alone := b.start == 0 && b.end == len(data)
	second := markAt(data[b.end:], blockBegin) >= 0
	b.Edited = b.Edited || second || file == DropIn && !alone
	return b, true
}

// markAt returns the position of a line in data that starts with mark, or -1.
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

func readBlock(text string) (e Entry, edited bool) {
	_, text, _ = strings.Cut(text, "\n")
	sum, body, _ := strings.Cut(text, "\n")
	body = strings.TrimSuffix(body, blockEnd+"\n")
	if sum != checksumMark+checksum(body) {
		return Entry{}, true
	}
	for line := range strings.SplitSeq(body, "\n") {
		if name, found := strings.CutPrefix(line, madeMark); found {
			e.Made = append(e.Made, name)
		}
		switch keyword, value := ParseLine(line); keyword {
		case KeysCommand:
			args, err := argv.Split(value)
			if err != nil || len(args) < 4 {
				return Entry{}, true
			}
			e.Args = args[2 : len(args)-2] // without the program, authorized-keys, %u and %f
		case KeysCommandUser:
			if value != CommandUser && value != earlierCommandUser {
				e.User = value
			}
		}
	}
	return e, false
}

// Cut returns data without the block. It is never nil, because nil means that there is no
// file.
func (b Block) Cut(data []byte) []byte {
	return b.Replace(data, []byte{})
}

// Replace returns data with text in place of the block.
func (b Block) Replace(data, text []byte) []byte {
	return append(append(append([]byte{}, data[:b.start]...), text...), data[b.end:]...)
}

// CheckArgument refuses an argument that a line of sshd_config cannot contain, quoted or
// not.
func CheckArgument(arg string) error {
	for _, r := range arg {
		switch {
		case r == unicode.ReplacementChar:
			return fmt.Errorf("writing %q into sshd_config: expected UTF-8", arg)
		case unicode.IsControl(r):
			return fmt.Errorf("writing %q into sshd_config: expected one line without control characters", arg)
		case r == '#':
			return fmt.Errorf("writing %q into sshd_config: expected no #, because OpenSSH before 8.7 ends a line there even in quotes", arg)
		}
	}
	return nil
}

// Check refuses an Entry that some version of sshd would misread.
func (e Entry) Check() error {
	for _, arg := range slices.Concat(e.Args, e.Made, []string{e.User}) {
		if err := CheckArgument(arg); err != nil {
			return err
		}
	}
	for _, name := range e.Made {
		if !path.IsAbs(name) {
			return fmt.Errorf("writing %q into sshd_config: expected an absolute path", name)
		}
	}
	if length := len("AuthorizedKeysCommand \n\x00") + len(e.Command()); length > maxLine {
		return fmt.Errorf("writing AuthorizedKeysCommand: its line has %d bytes, but some versions of sshd read at most %d", length, maxLine)
	}
	return nil
}
