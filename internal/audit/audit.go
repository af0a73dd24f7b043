// Package audit puts decisions into words for the system log, the only channel
// from an AuthorizedKeysCommand to an administrator.
//
// One event is one record. It says the same thing twice: as a line of text for
// people, and in fields with names that stay, for queries and alerts
// (docs/reference/audit-records.md). Text that came from the metadata service or from
// sshd is cut and quoted in both, so that it can neither end a line nor steer a
// terminal.
package audit

import (
	"fmt"
	"strings"

	"eic/internal/authorize"
	"eic/internal/printable"
)

// Event is one record for the log. Of the fields after Text, those that do not
// apply, or are not known, are empty; all are fit to be shown as they are.
type Event struct {
	Kind     Kind
	Severity Severity
	// Text is the event in one line.
	Text string
	// User is whom somebody wants to log in as.
	User string
	// Fingerprint and KeyType are those of the key printed or refused.
	Fingerprint, KeyType string
	// Request is the request id under which it was pushed, and Caller the IAM
	// principal that pushed it. They are proven only if it was printed.
	Request, Caller string
	// Instance is this instance's id, of a key that was printed.
	Instance string
	// Reason is the authorize.Reason of a key that was refused, and Detail what
	// was wrong, of any event that tells of something wrong.
	Reason, Detail string
}

// Bounds on what is logged of a text, in bytes. They keep a record, even as
// JSON, within the 8 KiB that rsyslog takes of a message.
const (
	maxName    = 300 // a user, a program, an IAM principal
	maxID      = 100
	maxRefusal = 500
	maxFailure = 1000
)

// maxRefusals and maxGrants are how many refused and printed entries of one document are
// logged one by one. An attacker who forges the document, or pushes many keys, must not
// flood the log. sshd asks about one key, of which there are as many as pushes in a minute.
const (
	maxRefusals = 20
	maxGrants   = 100
)

// Decisions returns the events for one document: each key that was printed,
// and each that was refused. A key that is merely not the one sshd asked about
// is no event, and neither is one that repeats another.
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

// more returns the event for entries without a record of their own.
func more(kind Kind, user, did string, number int) Event {
	e := newEvent(kind, user)
	e.Detail = fmt.Sprintf("%d more", number)
	e.Text = fmt.Sprintf("%s %s keys from EC2 Instance Connect for user %s in the same document", did, e.Detail, quote(user))
	return e
}

// Failure returns the event for a question that could not be answered, and of
// which of these kinds that is: SignerUntrusted, Unanswered or CalledWrongly.
func Failure(kind Kind, user string, err error) Event {
	e := newEvent(kind, user)
	e.Detail = clean(err.Error(), maxFailure)
	e.Text = fmt.Sprintf("EC2 Instance Connect gave no key for user %s: %s", quote(user), e.Detail)
	return e
}

// Chain returns the event for another program, asked beside us, whose keys
// could not be had.
func Chain(program, user string, err error) Event {
	e := newEvent(ChainFailed, user)
	e.Detail = clean(err.Error(), maxFailure)
	e.Text = fmt.Sprintf("The chained command %s gave no key for user %s: %s", quote(program), quote(user), e.Detail)
	return e
}

func newEvent(kind Kind, user string) Event {
	return Event{Kind: kind, Severity: kinds[kind].severity, User: clean(user, maxName)}
}

// about returns the event of a decision, without its text.
func about(kind Kind, user string, d authorize.Decision) Event {
	e := newEvent(kind, user)
	e.Fingerprint, e.KeyType = d.Fingerprint, d.KeyType
	e.Request, e.Caller = clean(d.Entry.Request, maxID), clean(d.Entry.Caller, maxName)
	return e
}

// printed keeps to a text that log rules in the field match; a part without a
// value is left out.
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
		// It was damaged or forged, and neither happens in the ordinary
		// course of things.
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

// clean returns text as it is if it is short and printable, and otherwise
// quoted and cut.
func clean(text string, limit int) string { return printable.Short(defuse(text), limit) }

func quote(name string) string { return printable.Quote(defuse(name), maxName) }

// defuse keeps the beginning of the sentence that tells of a printed key out of whatever
// else is logged. Log rules look for it anywhere in a line.
func defuse(text string) string { return strings.ReplaceAll(text, printing, "Providing_ssh_key") }

// printing begins the text of a KeyPrinted.
const printing = "Providing ssh key"
