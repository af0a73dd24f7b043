package main

// depth is about as much stack, in bytes, as a run comes to need.
const depth = 24 << 10

// growStack makes room on the stack for as much, and does nothing. It is to be called
// with 0 while few calls are under way.
//
// A stack begins small. Each time it is full it is doubled, and all that is on it is
// found and moved, which takes the run time tables of every function under way. The
// calls of the AWS SDK nest so deep that this is a tenth of a run (docs/performance.md).
//
//go:noinline
func growStack(never int) byte {
	if never == 0 {
		return 0 // the room was made on entry, and is not touched
	}
	var room [depth]byte
	return room[never]
}
