package activekeys

import "bytes"

// scanner iterates over the lines of a document without copying them.
type scanner struct {
	rest   []byte // the text after line
	line   []byte // the current line, without its newline
	number int    // the number of line, from 1
	start  int    // offset of line in the document
	end    int    // offset of rest in the document
}

var newline = []byte("\n")

// next moves to the next line and reports whether there was one.
func (s *scanner) next() bool {
	if len(s.rest) == 0 {
		return false
	}
	line, rest, _ := bytes.Cut(s.rest, newline)
	s.number++
	s.start = s.end
	s.end += len(s.rest) - len(rest)
	s.line, s.rest = line, rest
	return true
}

// peek returns the line after the current one, or nil at the end. It searches for that
// line's end at each call; callers make a fixed number of calls for each line.
func (s *scanner) peek() []byte {
	line, _, _ := bytes.Cut(s.rest, newline)
	return line
}
