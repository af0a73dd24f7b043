package audit

import "fmt"

// Severity is a syslog severity (RFC 5424 section 6.2.1).
type Severity int

// The severities in use.
const (
	Error   Severity = 3
	Warning Severity = 4
	Info    Severity = 6
)

// String returns the name of the severity in logs and JSON.
func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	case Info:
		return "info"
	default:
		return fmt.Sprintf("severity-%d", int(s))
	}
}

// Kind is the kind of an Event.
type Kind int

// The kinds. docs/reference/audit-records.md describes each.
const (
	KeyPrinted      Kind = iota // a key was printed for sshd
	KeyRefused                  // a key was refused
	MoreRefused                 // more keys of the document were refused, too many for a record each
	SignerUntrusted             // nothing that the metadata service serves is trusted
	Unanswered                  // the lookup failed
	CalledWrongly               // the command line, or a file that it names, is wrong
	ChainFailed                 // the chained command failed
	MorePrinted                 // more keys of the document were printed, too many for a record each
)

// kinds says how each kind is logged. Queries and alerts rely on action and message id,
// so these never change.
var kinds = [...]struct {
	action    string
	messageID string // a UUID, for the journal's message catalog
	severity  Severity
}{
	KeyPrinted:      {"key-printed", "8bc2d72dbe134682bd101075bc75ec08", Info},
	KeyRefused:      {"key-refused", "8503ab8f5201454381b7d0c2513ccf05", Info},
	MoreRefused:     {"more-refused", "917e182b170743e8ab72965adcbc70b7", Warning},
	SignerUntrusted: {"signer-untrusted", "65cd3b61a433492b8a4fae259da6567c", Warning},
	Unanswered:      {"unanswered", "c4d42d6c9ce74295a3dcda21f86695c3", Error},
	CalledWrongly:   {"called-wrongly", "8669cdd0d63b47a8a7fd9bbdfe5f01e7", Error},
	ChainFailed:     {"chain-failed", "f45dbca649b24c2c8818bac8707c53e5", Warning},
	MorePrinted:     {"more-printed", "b24a2a6be19f4c6d9bb10f6c5ed5c0da", Warning},
}

// String returns the name of the kind in records.
func (k Kind) String() string { return kinds[k].action }
