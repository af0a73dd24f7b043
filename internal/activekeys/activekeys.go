// Package activekeys parses the active-keys document, in which the metadata
// service lists the SSH public keys pushed for one user.
//
// It decides nothing but form: whether a signature verifies, a key has expired
// or was meant for this instance is for others. What it guarantees is that the
// signed bytes of an entry are a slice of the document exactly as it came, and
// that a block that is wrong takes nothing else with it.
package activekeys

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Bounds on one document. EC2 Instance Connect stays far below all of them.
const (
	maxEntries   = 2048 // blocks in a document
	maxHeaders   = 32   // header lines in a block
	maxKeyLine   = 8192 // bytes; the API takes public keys of up to 4096
	maxSignature = 2048 // base64 characters; RSA keys of up to 12288 bits
)

// Entry is one block of the document: header lines, one public-key line and a
// signature over both.
type Entry struct {
	// Line is the number of the block's first line in the document, from 1.
	Line int
	// Timestamp is when the key expires, in Unix seconds, always positive.
	Timestamp int64
	// Instance is the instance the key was pushed to.
	Instance string
	// Caller is the IAM principal that pushed it and Request the id of its
	// request, as in CloudTrail. Both may be empty.
	Caller, Request string
	// Key is the public-key line without its newline and the carriage return
	// that may be before it: valid UTF-8 without control characters other than
	// tabs between its parts and at its end, otherwise unparsed. A slice of the
	// document.
	Key []byte
	// Signed is what Signature is over: the header lines and the key line,
	// each with its newline. A slice of the document.
	Signed []byte
	// Signature is decoded from its base64.
	Signature []byte
	// Err says why the block was refused. Where it is set, every other field
	// but Line, Instance, Caller and Request is zero, and these three are
	// there only to name the block in a log.
	Err error
}

// errTooMany is the Err of the entry that ends a document of more than
// maxEntries blocks.
var errTooMany = errors.New("the document has more than " + strconv.Itoa(maxEntries) + " blocks; the rest was not read")

// errNoBlock is the Err of the only entry of a document that has text but no
// block.
var errNoBlock = errors.New("no line of the document begins a block with \"#Name=\"")

// Parse reads a document. It takes time linear in the document's length, and
// never fails: a block that cannot be read becomes an Entry whose Err says
// why, and text beside the blocks is passed over.
//
// A block starts at a line that begins with "#" and ends at the first blank
// line, or line that is neither header, key nor base64, after that.
func Parse(document []byte) []Entry {
	var entries []Entry
	s := scanner{rest: document}
	for s.next() {
		if !isHeader(s.line) {
			continue
		}
		if len(entries) == maxEntries {
			return append(entries, Entry{Line: s.number, Err: errTooMany})
		}
		entries = append(entries, parseBlock(document, &s))
	}
	if len(entries) == 0 && len(bytes.TrimSpace(document)) != 0 {
		return []Entry{{Line: 1, Err: errNoBlock}}
	}
	return entries
}

// parseBlock reads one block, of which s has the first line, and leaves s on
// the block's last line.
func parseBlock(document []byte, s *scanner) Entry {
	b := block{entry: Entry{Line: s.number}}
	start := s.start
	b.header(s.line)
	for isHeader(s.peek()) {
		s.next()
		b.header(s.line)
	}
	if len(s.rest) == 0 || isBlank(s.peek()) {
		b.refuse(errors.New("no public key follows the headers"))
		return b.done()
	}
	s.next()
	b.key(s.line)
	signed := document[start:s.end]
	var room [maxSignature]byte // or it would grow, and be copied, line by line
	signature := room[:0]
	for isBase64(s.peek()) {
		s.next()
		if len(signature)+len(s.line) > maxSignature {
			b.refuse(fmt.Errorf("the signature is longer than %d characters", maxSignature))
			signature = signature[:0]
		}
		signature = append(signature, s.line...)
	}
	b.signature(signature)
	b.entry.Signed = signed
	return b.done()
}

// block gathers an entry and the first thing that is wrong with it.
type block struct {
	entry Entry
	names [maxHeaders][]byte
	count int
}

func (b *block) refuse(err error) {
	if b.entry.Err == nil {
		b.entry.Err = err
	}
}

// done returns the entry, emptied of what nobody may use if it was refused.
func (b *block) done() Entry {
	e := b.entry
	switch {
	case e.Err != nil:
	case e.Timestamp == 0:
		e.Err = errors.New("no Timestamp header")
	case e.Instance == "":
		e.Err = errors.New("no Instance header")
	}
	if e.Err != nil {
		return Entry{Line: e.Line, Instance: e.Instance, Caller: e.Caller, Request: e.Request, Err: e.Err}
	}
	return e
}

func (b *block) header(line []byte) {
	name, value, err := splitHeader(line)
	if err != nil {
		b.refuse(err)
		return
	}
	for _, seen := range b.names[:b.count] {
		if bytes.Equal(seen, name) {
			b.refuse(fmt.Errorf("two %s headers", name))
			return
		}
	}
	if b.count == maxHeaders {
		b.refuse(fmt.Errorf("more than %d header lines", maxHeaders))
		return
	}
	b.names[b.count] = name
	b.count++
	switch string(name) {
	case "Timestamp":
		b.entry.Timestamp, err = parseTimestamp(value)
		if err != nil {
			b.refuse(err)
		}
	case "Instance":
		b.entry.Instance = string(value)
	case "Caller":
		b.entry.Caller = string(value)
	case "Request":
		b.entry.Request = string(value)
	}
}

// key takes a public-key line as people's files have it.
func (b *block) key(line []byte) {
	line = bytes.TrimSuffix(line, []byte("\r")) // of a file with DOS line ends
	kind, blob, comment := SplitKey(line)
	switch {
	case len(line) > maxKeyLine:
		b.refuse(fmt.Errorf("the public-key line is longer than %d bytes", maxKeyLine))
	case !isText(kind), !isText(blob), !isText(comment):
		b.refuse(errors.New("the public-key line has control characters or is not UTF-8"))
	}
	b.entry.Key = line
}

// blanks may stand between the parts of a public-key line, as sshd(8) reads it, and at its end.
const blanks = " \t"

// SplitKey splits a public-key line into its parts: the type, the key in base64 and the
// comment, which may have blanks in it. Parts that are missing are empty.
func SplitKey(line []byte) (kind, blob, comment []byte) {
	kind, rest := cutBlank(bytes.TrimRight(line, blanks))
	blob, comment = cutBlank(rest)
	return kind, blob, comment
}

func cutBlank(line []byte) (part, rest []byte) {
	if i := bytes.IndexAny(line, blanks); i >= 0 {
		return line[:i], bytes.TrimLeft(line[i:], blanks)
	}
	return line, nil
}

func (b *block) signature(text []byte) {
	if len(text) == 0 {
		b.refuse(errors.New("no base64 signature follows the public key"))
		return
	}
	signature := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(signature, text)
	if err != nil {
		b.refuse(fmt.Errorf("decoding the signature: %w", err))
		return
	}
	b.entry.Signature = signature[:n]
}

// splitHeader takes "#Name=value", with blanks allowed on both sides of "=".
func splitHeader(line []byte) (name, value []byte, err error) {
	name, value, ok := bytes.Cut(line[1:], []byte("="))
	if !ok {
		return nil, nil, errors.New(`a header line is not of the form "#Name=value"`)
	}
	name = bytes.TrimRight(name, " \t")
	if len(name) == 0 || bytes.ContainsFunc(name, notNameRune) {
		return nil, nil, fmt.Errorf("the header name %.40q is not letters, digits, hyphens and underscores", name)
	}
	value = bytes.TrimLeft(value, " \t")
	if !isText(value) {
		return nil, nil, fmt.Errorf("the %.40s header has control characters or is not UTF-8", name)
	}
	return name, value, nil
}

func notNameRune(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// parseTimestamp takes a positive decimal without sign, leading zero or
// blanks that fits 64 bits.
func parseTimestamp(value []byte) (int64, error) {
	t, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || t <= 0 || value[0] < '1' || value[0] > '9' {
		return 0, fmt.Errorf("the Timestamp %.40q is not a plain positive number of seconds", value)
	}
	return t, nil
}

func isHeader(line []byte) bool { return len(line) > 0 && line[0] == '#' }

func isBlank(line []byte) bool { return len(bytes.TrimLeft(line, " \t")) == 0 }

func isText(line []byte) bool {
	return utf8.Valid(line) && !bytes.ContainsFunc(line, unicode.IsControl)
}

// isBase64 reports whether a line can be part of a signature.
func isBase64(line []byte) bool {
	for _, c := range line {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '+' && c != '/' && c != '=' {
			return false
		}
	}
	return len(line) > 0
}
