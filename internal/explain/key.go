package explain

import (
	"time"

	"eic/internal/authorize"
)

// Key is one block of the active-keys document and what was decided of it.
type Key struct {
	// Line is the number of the block's first line in the document.
	Line int `json:"line"`
	// Printed tells whether sshd gets the key, and AuthorizedKeysLine what it
	// gets.
	Printed            bool   `json:"printed"`
	AuthorizedKeysLine string `json:"authorized_keys_line,omitempty"`
	// Reason is that of authorize.Reason; "undecided" where the signer could
	// not be asked for or is not trusted.
	Reason  Cause  `json:"reason"`
	Message string `json:"message,omitempty"`
	Remedy  Remedy `json:"remedy,omitzero"`

	Type        string `json:"type,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	Instance    string `json:"instance,omitempty"`
	Caller      string `json:"caller,omitempty"`
	RequestID   string `json:"request_id,omitempty"`
	// Timestamp is when the key expires, in Unix seconds; Expires is the same
	// in words up to the year 9999, and SecondsLeft is below zero after it.
	Timestamp   int64     `json:"timestamp,omitempty"`
	Expires     time.Time `json:"expires,omitzero"`
	SecondsLeft int64     `json:"seconds_left"`
}

// lastSecond is the last one that RFC 3339 has a date for.
const lastSecond = 253402300799

func newKey(d authorize.Decision, f facts) Key {
	k := Key{
		Line:    d.Entry.Line,
		Printed: d.Reason == authorize.Printed, AuthorizedKeysLine: string(d.Line()),
		Reason: Cause(d.Reason.String()),
		Type:   d.KeyType, Fingerprint: d.Fingerprint,
		Instance: d.Entry.Instance, Caller: d.Entry.Caller, RequestID: d.Entry.Request,
		Timestamp: d.Entry.Timestamp,
	}
	if d.Detail != nil {
		k.Message = d.Detail.Error()
		k.Remedy = f.remedy(k.Reason)
	}
	if d.Entry.Timestamp != 0 {
		k.SecondsLeft = d.Entry.Timestamp - f.now.Unix()
	}
	if d.Entry.Timestamp != 0 && d.Entry.Timestamp <= lastSecond {
		k.Expires = time.Unix(d.Entry.Timestamp, 0).UTC()
	}
	return k
}
