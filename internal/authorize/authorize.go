// Package authorize decides, for each entry of the active-keys document, whether its key
// may be given to sshd, and if not, why.
//
// The package does no I/O. It decides in two steps, so that nothing is fetched for a key
// that would be refused anyway. Screen checks everything but the signature: form,
// fingerprint, expiry, instance and policy. Verify then checks the signatures of the
// remaining entries. Only an entry that Verify marks as Printed may be printed.
package authorize

import (
	"fmt"
	"time"

	"eic/internal/activekeys"
)

// Reason is the outcome for one entry.
type Reason int

// The outcomes.
const (
	Undecided        Reason = iota // not refused by Screen; Verify decides
	Printed                        // accepted: every check passed, the signature included
	Malformed                      // activekeys refused the block
	UnsupportedKey                 // not a plain public key of a known type in its canonical encoding
	OtherFingerprint               // not the key that sshd asked about
	Expired                        // its Timestamp has passed
	OtherInstance                  // pushed to another instance
	UserDenied                     // the Policy refuses keys for the user
	CallerDenied                   // the Policy refuses the caller, or the caller cannot safely be put in an environment variable
	RuleDenied                     // no Rule of the Policy matches both the user and the caller
	BadSignature                   // the signature is not valid under the Signer's key
	Repeated                       // a copy of a block that was printed
)

var reasonNames = [...]string{
	Undecided:        "undecided",
	Printed:          "printed",
	Malformed:        "malformed",
	UnsupportedKey:   "unsupported-key",
	OtherFingerprint: "other-fingerprint",
	Expired:          "expired",
	OtherInstance:    "other-instance",
	UserDenied:       "user-denied",
	CallerDenied:     "caller-denied",
	RuleDenied:       "rule-denied",
	BadSignature:     "bad-signature",
	Repeated:         "repeated",
}

// String returns the name of the outcome in logs and JSON.
func (r Reason) String() string {
	if r < 0 || int(r) >= len(reasonNames) {
		return fmt.Sprintf("reason-%d", int(r))
	}
	return reasonNames[r]
}

// Decision is the verdict on one entry.
type Decision struct {
	Entry  activekeys.Entry
	Reason Reason
	// Detail says what was expected and what was found, with untrusted text quoted. It is
	// nil for Printed and Undecided.
	Detail error
	// KeyType is the type of the key as in authorized_keys. Fingerprint is its
	// fingerprint, in the form that sshd asked with, or else "SHA256:…". Both are empty
	// if the key could not be parsed.
	KeyType, Fingerprint string

	options string // the options that the Policy puts before the key
}

// Line returns the line for sshd, without a newline: the options of the Policy if there
// are any, then the key line exactly as it was signed, with its comment. Line is nil
// unless Reason is Printed.
func (d Decision) Line() []byte {
	if d.Reason != Printed {
		return nil
	}
	if d.options == "" {
		return d.Entry.Key
	}
	return append([]byte(d.options+" "), d.Entry.Key...)
}

// Criteria are what Screen compares an entry with.
type Criteria struct {
	// User is the operating-system user who is logging in.
	User string
	// Fingerprint is the fingerprint of the offered key, "SHA256:…" or "MD5:…", or empty
	// if sshd did not give it.
	Fingerprint string
	// Instance is the id of this instance, or empty while it is unknown.
	Instance string
	// Now is the time to compare expiry times with.
	Now time.Time
	// Policy holds the administrator's additional conditions.
	Policy Policy
}

// Signer verifies signatures; trust.Signer implements it. VerifySignature returns nil
// only if signature is valid for signed.
type Signer interface {
	VerifySignature(signed, signature []byte) error
}

// Screen returns one Decision for each entry, in order. It refuses every entry that can
// be refused without the signer, and leaves the others Undecided.
func Screen(entries []activekeys.Entry, q Criteria) []Decision {
	decisions := make([]Decision, len(entries))
	for i, entry := range entries {
		decisions[i] = screen(entry, q)
	}
	return decisions
}

// AnyUndecided reports whether any decision needs Verify.
func AnyUndecided(decisions []Decision) bool {
	for _, d := range decisions {
		if d.Reason == Undecided {
			return true
		}
	}
	return false
}

func (d *Decision) refuse(reason Reason, detail error) {
	d.Reason, d.Detail = reason, detail
}

func screen(entry activekeys.Entry, q Criteria) Decision {
	d := Decision{Entry: entry}
	if entry.Err != nil {
		d.refuse(Malformed, entry.Err)
		return d
	}
	kind, blob, err := parseKey(entry.Key)
	if err != nil {
		d.refuse(UnsupportedKey, err)
		return d
	}
	d.KeyType = kind
	d.Fingerprint = fingerprint(blob, q.Fingerprint)
	switch {
	case q.Fingerprint != "" && q.Fingerprint != d.Fingerprint:
		d.refuse(OtherFingerprint, fmt.Errorf("fingerprint %s, sshd asked for %q", d.Fingerprint, q.Fingerprint))
	case expired(entry, q.Now):
		d.refuse(Expired, expiry(entry, q.Now))
	case q.Instance != "" && entry.Instance != q.Instance:
		d.refuse(OtherInstance, otherInstance(entry.Instance, q.Instance))
	default:
		options, ruling := q.Policy.check(q.User, entry)
		d.options, d.Reason, d.Detail = options, ruling.Reason, ruling.Detail
	}
	return d
}

// expired compares whole seconds, because time.Time cannot represent every 64-bit
// Timestamp.
func expired(entry activekeys.Entry, now time.Time) bool { return entry.Timestamp <= now.Unix() }

func expiry(entry activekeys.Entry, now time.Time) error {
	return fmt.Errorf("the expiry time %s has passed, the time is %s", formatTime(time.Unix(entry.Timestamp, 0)), formatTime(now))
}

func otherInstance(got, want string) error {
	return fmt.Errorf("pushed to instance %.80q, this is instance %q", got, want)
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
