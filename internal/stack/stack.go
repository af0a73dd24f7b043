// Package stack saves goroutines from growing their stacks bit by bit.
//
// A stack begins small. Each time it is full it is doubled, and all that is on it is
// found and moved, for which the run time looks every function under way up in its
// tables. Asking the metadata service nests so deep that this showed in a short run
// (docs/performance.md).
package stack

// room is about as much stack, in bytes, as asking the metadata service takes.
const room = 8 << 10

// Grow makes the room that a goroutine will need. It is to be called while few calls
// are under way on it.
func Grow() { take(0) }

// take has the room in its frame, which is made on entry, and with 0 does not touch it.
//
//go:noinline
func take(never int) byte {
	if never == 0 {
		return 0
	}
	var frame [room]byte
	return frame[never]
}
