package activekeys

import "bytes"

// scanner walks over the lines of a document without copying them.
type scanner struct {
	rest   []byte // what comes after line
	line   []byte // the line it is on, without its newline
	number int    // of that line, from 1
	start  int    // offset of line in the document
	end    int    // offset of rest in the document
}

// next moves to the next line and reports whether there was one.
func (s *scanner) next() bool {
	if len(s.rest) == 0 {
		return false
	}
	s.line = s.peek()
	s.number++
	s.start = s.end
	length := len(s.line)
	if length < len(s.rest) {
		length++ // the newline
	}
	s.end += length
	s.rest = s.rest[length:]
	return true
}

// peek returns the line after the one it is on, or nil at the end. It looks
// at that line again each time; callers do so a fixed number of times a line.
func (s *scanner) peek() []byte {
	if i := bytes.IndexByte(s.rest, '\n'); i >= 0 {
		return s.rest[:i]
	}
	return s.rest
}
