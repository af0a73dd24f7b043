// Package audit puts decisions into words for the system log, the only channel
// from an AuthorizedKeysCommand to an administrator.
//
// One event is one line. Text that came from the metadata service or from sshd
// is cut and quoted, so that it can neither end a line nor steer a terminal.
package audit

import (
	"fmt"
	"strings"
	"unicode"

	"eic/internal/authorize"
)

// Severity is a syslog severity (RFC 5424 section 6.2.1).
type Severity int

// The severities in use.
const (
	Error   Severity = 3
	Warning Severity = 4
	Info    Severity = 6
)

// Event is one line for the log.
type Event struct {
	Severity Severity
	Text     string
}

// maxRefusals is how many refused entries of one document are logged one by
// one. An attacker who forges the document must not flood the log.
const maxRefusals = 20

// Decisions returns the events for one document: each key that was printed,
// and each that was refused. A key that is merely not the one sshd asked about
// is no event.
func Decisions(user string, decisions []authorize.Decision) []Event {
	var events []Event
	refused := 0
	for _, d := range decisions {
		switch d.Reason {
		case authorize.Printed:
			events = append(events, Event{Info, printed(d)})
		case authorize.OtherFingerprint:
		default:
			if refused++; refused <= maxRefusals {
				events = append(events, Event{severity(d.Reason), refusal(user, d)})
			}
		}
	}
	if refused > maxRefusals {
		events = append(events, Event{Warning, fmt.Sprintf(
			"Refused %d more keys from EC2 Instance Connect for user %q in the same document", refused-maxRefusals, user)})
	}
	return events
}

// Failure returns the event for a question that could not be answered.
func Failure(severity Severity, user string, err error) Event {
	return Event{severity, fmt.Sprintf("EC2 Instance Connect gave no key for user %q: %s", user, clean(err.Error(), 1000))}
}

// severity of a refusal: a signature that does not verify was either damaged
// or forged, and neither happens in the ordinary course of things.
func severity(r authorize.Reason) Severity {
	if r == authorize.BadSignature {
		return Warning
	}
	return Info
}

// printed keeps to a text that log rules in the field match; a part without a
// value is left out.
func printed(d authorize.Decision) string {
	return "Providing ssh key from EC2 Instance Connect with fingerprint: " + d.Fingerprint + origin(d)
}

func refusal(user string, d authorize.Decision) string {
	text := fmt.Sprintf("Refusing ssh key from EC2 Instance Connect for user %q, %s: %s", user, d.Reason, clean(d.Detail.Error(), 500))
	if d.Fingerprint != "" {
		text += ", with fingerprint: " + d.Fingerprint
	} else {
		text += fmt.Sprintf(", at line %d of the document", d.Entry.Line)
	}
	return text + origin(d)
}

func origin(d authorize.Decision) string {
	text := ""
	if d.Entry.Request != "" {
		text += ", request-id: " + clean(d.Entry.Request, 100)
	}
	if d.Entry.Caller != "" {
		text += ", for IAM principal: " + clean(d.Entry.Caller, 300)
	}
	return text
}

// clean returns text as it is if it is short and printable, and otherwise cut
// and quoted.
func clean(text string, limit int) string {
	if len(text) <= limit && !strings.ContainsFunc(text, unprintable) {
		return text
	}
	if len(text) > limit {
		text = text[:limit] + "…"
	}
	return fmt.Sprintf("%q", text)
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }
