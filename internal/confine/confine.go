// Package confine lets a process give up, for good, what the rest of its run
// does not need.
//
// The program parses what an attacker on the host may have written. Should a
// flaw ever hand such an attacker control, there must be little left to
// control: no file to open, no TCP port to connect to but the metadata
// service's, no privilege to gain, no memory image to leave behind. It is a
// second line: nothing else in the program relies on it.
//
// Landlock's rule for ports holds TCP sockets alone, and any address at the
// port. It does not hold Multipath TCP, UDP, raw or Unix sockets that have a
// path; the last are held by their files' permissions only.
package confine

// Needs is what the rest of the run may still do.
type Needs struct {
	// ReadBelow are directories in which files and directories may still be read, and
	// Read files that may; of a link, what it leads to. What cannot be reached
	// now is passed over, as it could not be read later either.
	ReadBelow, Read []string
	// WriteBelow are directories in which files may still be made, written and
	// read.
	WriteBelow []string
	// Port is the only port that plain TCP may connect to.
	Port uint16
	// Signals lets this process signal others of its user's, which it needs
	// to end one that it started before.
	Signals bool
}
