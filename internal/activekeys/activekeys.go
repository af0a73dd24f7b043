// Package activekeys parses the active-keys document, in which the metadata service lists
// the SSH public keys pushed for one operating-system user.
//
// A document is a sequence of blocks, separated by blank lines. A block has header lines,
// one public-key line, and a signature in base64 over the headers and the key:
//
//	#Timestamp=1795341660
//	#Instance=i-0123456789abcdef0
//	#Caller=arn:aws:iam::123456789012:user/alice
//	#Request=e498a123-19cf-4ec1-8b15-52d077866cff
//	ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOy89h7QX3Q1jvRWAzMkqQhb4bT4vdg1BfSVDp4gCJkR alice@laptop
//	GroxmC/GPIwcpWHjaz/NLtZLhG79SOdHq6vOllD0Ax9qlDwwJCkhWrp5gL7PkUwPof0c7OozDqYS
//	GLvutzBkH9yaJZTGYXI3Iy8XGvE038/tMqiIqvmPzMNHulIjOTnNttxcnTS6JfgC/IGn69V3V38j
//	Si6GQ4Q0O6S09VMFmiGVkSHidM7o5dmNbynZiqryDz2058OEZGVK3SR2qF4aDhTu163HlDGy29At
//	7WDYXHwLcTQ5h1bAL2HKVolbs8PJZVvOjkDsW4qQEyUp4Q6/CvV16rnD52XcOfsAnGiUp1jveCUN
//	m5LmLLe481TI9gTKBKDGX/BjSuFkkA+2FEPFpg==
//
// The package checks form only. Packages trust and authorize verify the signature, the
// expiry time and the instance. Parse guarantees two things: the signed bytes of an entry
// are a slice of the document, unchanged, and a malformed block affects no other block.
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

// Bounds on one document, far above what EC2 Instance Connect serves.
const (
	maxEntries   = 2048 // blocks in a document
	maxHeaders   = 32   // header lines in a block
	maxKeyLine   = 8192 // bytes; SendSSHPublicKey accepts public keys of up to 4096
	maxSignature = 2048 // base64 characters, enough for an RSA key of 12288 bits
)

// Entry is one block of the document: header lines, a public-key line, and a signature
// over both.
type Entry struct {
	// Line is the number of the block's first line in the document, from 1.
	Line int
	// Timestamp is the time at which the key expires, in Unix seconds. It is always
	// positive.
	Timestamp int64
	// Instance is the id of the instance that the key was pushed to.
	Instance string
	// Caller is the ARN of the IAM principal that pushed the key. Request is the id of
	// the API request, as in CloudTrail. Both may be empty.
	Caller, Request string
	// Key is the public-key line, without its newline and without a carriage return
	// before that. It is valid UTF-8 and has no control characters, except tabs between
	// its parts and at its end. Its parts are not parsed. Key is a slice of the document.
	Key []byte
	// Signed is the text that Signature covers: the header lines and the key line, each
	// with its newline. Signed is a slice of the document.
	Signed []byte
	// Signature is the decoded signature.
	Signature []byte
	// Err says why the block was refused, or is nil. A refused block keeps Line,
	// Instance, Caller and Request, to name it in a log; all its other fields are zero.
	Err error
}

// errTooMany is the Err of the last entry if a document has more than maxEntries blocks.
var errTooMany = errors.New("the document has more than " + strconv.Itoa(maxEntries) + " blocks; the rest was not read")

// errNoBlock is the Err of the only entry if a document has text but no block.
var errNoBlock = errors.New("the document has text but no block: no line begins with \"#\"")

// Parse parses a document, in time linear in its length. It never fails: a malformed
// block becomes an Entry with Err set, and text outside of blocks is ignored.
//
// A block begins at a line that starts with "#". It ends before the first blank line, or
// before the first line that is neither header, key nor base64.
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

// parseBlock parses one block. The scanner is at the block's first line, and is left at
// its last.
func parseBlock(document []byte, s *scanner) Entry {
	b := block{entry: Entry{Line: s.number}}
	start := s.start
	b.header(s.line)
	for isHeader(s.peek()) {
		s.next()
		b.header(s.line)
	}
	if isBlank(s.peek()) { // or there is no further line
		b.refuse(errors.New("no public key after the headers"))
		return b.done()
	}
	s.next()
	b.key(s.line)
	signed := document[start:s.end]
	var room [maxSignature]byte // a fixed buffer, which appending need not grow and copy
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

// block is an entry under construction, with the first error found in it.
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

// done returns the finished entry. A refused entry keeps only the fields that name it in
// a log.
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

// key accepts a public-key line in the form that key files have.
func (b *block) key(line []byte) {
	line = bytes.TrimSuffix(line, []byte("\r")) // of a file with DOS line endings
	kind, blob, comment := SplitKey(line)
	switch {
	case len(line) > maxKeyLine:
		b.refuse(fmt.Errorf("the public-key line is longer than %d bytes", maxKeyLine))
	case !isText(kind), !isText(blob), !isText(comment):
		b.refuse(errors.New("the public-key line has control characters or is not UTF-8"))
	}
	b.entry.Key = line
}

// blanks may separate the parts of a public-key line, as in sshd(8), and may follow the
// last part.
const blanks = " \t"

// SplitKey splits a public-key line into its type, its key in base64 and its comment. The
// comment may contain blanks. Missing parts are empty.
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
		b.refuse(errors.New("no base64 signature after the public key"))
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

// splitHeader parses "#Name=value", with blanks allowed on both sides of "=".
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

// parseTimestamp parses a positive decimal number that fits 64 bits, without sign,
// leading zeros or blanks.
func parseTimestamp(value []byte) (int64, error) {
	t, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || value[0] < '1' { // '0', '+' and '-' are less
		return 0, fmt.Errorf("the Timestamp %.40q is not a plain positive number of seconds", value)
	}
	return t, nil
}

func isHeader(line []byte) bool { return len(line) > 0 && line[0] == '#' }

func isBlank(line []byte) bool { return len(bytes.TrimLeft(line, " \t")) == 0 }

func isText(line []byte) bool {
	return utf8.Valid(line) && !bytes.ContainsFunc(line, unicode.IsControl)
}

// isBase64 reports whether a line may be part of a signature.
func isBase64(line []byte) bool {
	for _, c := range line {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '+' && c != '/' && c != '=' {
			return false
		}
	}
	return len(line) > 0
}
