// Package confine permanently gives up rights that the rest of the process does not need.
//
// The program parses bytes that an attacker on the host may have written. If a flaw gave
// that attacker control of the process, the process should be useless to them: it can
// open no other file, connect to no TCP port but the metadata service's, gain no
// privileges, and leave no memory image. This is defense in depth: nothing else in the
// program relies on it.
//
// Landlock's port rule covers TCP sockets, and allows any address at the port. It does
// not cover Multipath TCP or raw sockets. Only kernels with Landlock ABI 9 cover Unix
// sockets with a path, and only those with ABI 10 cover UDP. On older kernels, file
// permissions control Unix sockets.
package confine

// Needs lists what the rest of the process may still do.
type Needs struct {
	// ReadBelow lists directories below which files and directories may be read. Read
	// lists files that may be read, after following links. A path that cannot be opened
	// now is ignored, since it could not be read later either.
	ReadBelow, Read []string
	// WriteBelow lists directories below which files may be created, written and read.
	WriteBelow []string
	// Port is the only TCP port to connect to.
	Port uint16
	// Signals allows signals to other processes of the same user. The process needs that
	// to end a process that it started before.
	Signals bool
}
