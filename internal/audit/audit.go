// Package audit turns decisions into records for the system log, the only channel from an
// AuthorizedKeysCommand to an administrator.
//
// Each event becomes one record. A record has the same information twice: as a line of
// text for people, and as fields with stable names for queries and alerts
// (docs/reference/audit-records.md). Text from the metadata service and from sshd is cut
// and quoted in both, so that it can neither end a line nor control a terminal.
package audit

import (
	"fmt"
	"strings"

	"eic/internal/authorize"
	"eic/internal/printable"
)

// Event is one record for the log. A field after Text is empty if it does not apply or is
// unknown. All fields are safe to display.
type Event struct {
	Kind     Kind
	Severity Severity
	// Text is the event in one line.
	Text string
	// User is the operating-system user who is logging in.
	User string
	// Fingerprint and KeyType describe the key that was printed or refused.
	Fingerprint, KeyType string
	// Request is the id of the request that pushed the key, and Caller the IAM principal
	// who sent it. They are verified only if the key was printed.
	Request, Caller string
	// Instance is the id of this instance. It is set only for a printed key.
	Instance string
	// Reason is the authorize.Reason for refusing a key. Detail says what failed, for
	// every event about a failure.
	Reason, Detail string
}

// Bounds on the logged length of a text, in bytes. With them a record, even as JSON,
// stays within rsyslog's limit of 8 KiB for a message.
const (
	maxName    = 300 // a user, a program or an IAM principal
	maxID      = 100
	maxRefusal = 500
	maxFailure = 1000
)

// maxRefusals and maxGrants limit how many refused and printed entries of one document
// have a record each. Otherwise an attacker who forges the document or pushes many keys
// could flood the log. sshd usually asks about one key, which matches at most as many
// entries as there were pushes in a minute.
const (
	maxRefusals = 20
	maxGrants   = 100
)

// Decisions returns the events for one document: one for each printed key and one for
// each refused key. A key with another fingerprint than sshd asked for is not an event.
// Neither is a repeated block.
func Decisions(user string, decisions []authorize.Decision) []Event {
	var events []Event
	granted, refused := 0, 0
	for _, d := range decisions {
		switch d.Reason {
		case authorize.Printed:
			if granted++; granted <= maxGrants {
				events = append(events, printed(user, d))
			}
		case authorize.OtherFingerprint, authorize.Repeated:
		default:
			if refused++; refused <= maxRefusals {
				events = append(events, refusal(user, d))
			}
		}
	}
	if granted > maxGrants {
		events = append(events, more(MorePrinted, user, "Provided", granted-maxGrants))
	}
	if refused > maxRefusals {
		events = append(events, more(MoreRefused, user, "Refused", refused-maxRefusals))
	}
	return events
}

// more returns the event for entries that have no record of their own.
func more(kind Kind, user, did string, number int) Event {
	e := newEvent(kind, user)
	e.Detail = fmt.Sprintf("%d more", number)
	e.Text = fmt.Sprintf("%s %s keys from EC2 Instance Connect for user %s in the same document", did, e.Detail, quote(user))
	return e
}

// Failure returns the event for a lookup that failed. kind is SignerUntrusted, Unanswered
// or CalledWrongly.
func Failure(kind Kind, user string, err error) Event {
	e := newEvent(kind, user)
	e.Detail = clean(err.Error(), maxFailure)
	e.Text = fmt.Sprintf("EC2 Instance Connect gave no key for user %s, %s: %s", quote(user), kind, e.Detail)
	return e
}

// Chain returns the event for a chained command that failed to give keys.
func Chain(program, user string, err error) Event {
	e := newEvent(ChainFailed, user)
	e.Detail = clean(err.Error(), maxFailure)
	e.Text = fmt.Sprintf("The chained command %s gave no key for user %s: %s", quote(program), quote(user), e.Detail)
	return e
}

func newEvent(kind Kind, user string) Event {
	return Event{Kind: kind, Severity: kinds[kind].severity, User: clean(user, maxName)}
}

// about returns the event for a decision, without its text.
func about(kind Kind, user string, d authorize.Decision) Event {
	e := newEvent(kind, user)
	e.Fingerprint, e.KeyType = d.Fingerprint, d.KeyType
	e.Request, e.Caller = clean(d.Entry.Request, maxID), clean(d.Entry.Caller, maxName)
	return e
}

// printed returns the event for a printed key. Existing log rules match its text, so the
// text never changes; a part without a value is left out.
func printed(user string, d authorize.Decision) Event {
	e := about(KeyPrinted, user, d)
	e.Instance = clean(d.Entry.Instance, maxID)
	e.Text = printing + " from EC2 Instance Connect with fingerprint: " + d.Fingerprint + e.origin()
	return e
}

func refusal(user string, d authorize.Decision) Event {
	e := about(KeyRefused, user, d)
	e.Reason, e.Detail = d.Reason.String(), clean(d.Detail.Error(), maxRefusal)
	if d.Reason == authorize.BadSignature {
		// The signature is wrong only if the block was damaged or forged. Neither is
		// normal.
		e.Severity = Warning
	}
	which := "with fingerprint: " + d.Fingerprint
	if d.Fingerprint == "" {
		which = fmt.Sprintf("at line %d of the document", d.Entry.Line)
	}
	e.Text = fmt.Sprintf("Refusing ssh key from EC2 Instance Connect for user %s, %s: %s, %s%s", quote(user), e.Reason, e.Detail, which, e.origin())
	return e
}

func (e Event) origin() string {
	text := ""
	if e.Request != "" {
		text += ", request-id: " + e.Request
	}
	if e.Caller != "" {
		text += ", for IAM principal: " + e.Caller
	}
	return text
}

// clean returns short printable text unchanged, and other text quoted and cut.
func clean(text string, limit int) string { return printable.Short(defuse(text), limit) }

func quote(name string) string { return printable.Quote(defuse(name), maxName) }

// defuse replaces the words that begin the record of a printed key. Log rules search for
// these words anywhere in a line, so no other record may contain them.
func defuse(text string) string { return strings.ReplaceAll(text, printing, "Providing_ssh_key") }

// printing is how the text of a KeyPrinted record begins.
const printing = "Providing ssh key"
