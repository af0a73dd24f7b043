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

// String returns the severity's name as it appears in logs and JSON.
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

// Kind is what an Event tells of.
type Kind int

// The kinds. docs/reference/audit-records.md has more about each.
const (
	KeyPrinted      Kind = iota // a key was given to sshd
	KeyRefused                  // a key was not, and why
	MoreRefused                 // further keys of the document were not, too many for a record each
	SignerUntrusted             // nothing that the metadata service serves is believed
	Unanswered                  // the question could not be answered
	CalledWrongly               // the command line or a file that it names is wrong
	ChainFailed                 // the chained command gave no answer
	MorePrinted                 // further keys of the document were printed, too many for a record each
)

// kinds says how each kind is logged. Action and message id are what queries
// and alerts hold on to, so they never change.
var kinds = [...]struct {
	action    string
	messageID string // a UUID, as the journal's catalogs know it
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

// String returns the kind's name as it appears in records.
func (k Kind) String() string { return kinds[k].action }
