// Package authorize decides, for each entry of the active-keys document,
// whether sshd may be given its key, and says why if not.
//
// It does no I/O. A decision falls in two steps, so that nothing is fetched
// for a key that cannot count: Screen refuses what can be refused without the
// signer, and Settle checks the signatures of what is left. Only what Settle
// leaves as Printed may be printed.
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
	Undecided        Reason = iota // what Screen leaves for Settle
	Printed                        // everything holds, the signature included
	Malformed                      // activekeys refused the block
	UnsupportedKey                 // no plain public key of a known type, in its only encoding
	OtherFingerprint               // not the key that sshd asked about
	Expired                        // its Timestamp is not in the future
	OtherInstance                  // it was pushed to another instance
	UserDenied                     // the Policy has no keys for the user
	CallerDenied                   // the Policy has none from the caller, or what it says of the caller is not fit for an environment
	BadSignature                   // the signature does not verify under the Signer
	Repeated                       // the same signed text as that of a block that was printed
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
	BadSignature:     "bad-signature",
	Repeated:         "repeated",
}

// String returns the outcome's name as it appears in logs and JSON.
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
	// Detail says what was expected and what came, with foreign text quoted.
	// It is nil for Printed and Undecided.
	Detail error
	// KeyType is the key's type as in authorized_keys, and Fingerprint its
	// fingerprint in the form sshd asked with, else "SHA256:…". Both are empty
	// where the key could not be parsed.
	KeyType, Fingerprint string

	options string // put in front of the key by the Policy
}

// Line returns what sshd may be given, without a newline: the key line as it
// was signed, comment included, behind the options of the Policy if there are
// any. It is nil for a key that is not Printed.
func (d Decision) Line() []byte {
	if d.Reason != Printed {
		return nil
	}
	if d.options == "" {
		return d.Entry.Key
	}
	return append([]byte(d.options+" "), d.Entry.Key...)
}

// Criteria are what a key must meet before its signer is known.
type Criteria struct {
	// User is the operating-system user somebody wants to log in as.
	User string
	// Fingerprint is that of the key offered, "SHA256:…" or "MD5:…", or empty
	// when sshd did not say.
	Fingerprint string
	// Instance is this instance's id, or empty while it is not known.
	Instance string
	// Now is the time at which keys must not have expired.
	Now time.Time
	// Policy is what the administrator demands on top.
	Policy Policy
}

// Signer checks a signature over the signed bytes of an entry; trust.Signer is one.
// VerifySignature returns nil only if the signature is good.
type Signer interface {
	VerifySignature(signed, signature []byte) error
}

// Screen returns one Decision for each entry, in order, and refuses all that
// can be refused without knowing the signer. Of the rest it leaves Reason as
// Undecided.
func Screen(entries []activekeys.Entry, q Criteria) []Decision {
	decisions := make([]Decision, len(entries))
	for i, entry := range entries {
		decisions[i] = screen(entry, q)
	}
	return decisions
}

// AnyUndecided reports whether a decision still depends on the signer.
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
	key, err := parseKey(entry.Key)
	if err != nil {
		d.refuse(UnsupportedKey, err)
		return d
	}
	d.KeyType = key.Type()
	d.Fingerprint = fingerprint(key, q.Fingerprint)
	switch {
	case q.Fingerprint != "" && q.Fingerprint != d.Fingerprint:
		d.refuse(OtherFingerprint, fmt.Errorf("its fingerprint is %s, sshd asked for %q", d.Fingerprint, q.Fingerprint))
	case expired(entry, q.Now):
		d.refuse(Expired, expiry(entry, q.Now))
	case q.Instance != "" && entry.Instance != q.Instance:
		d.refuse(OtherInstance, otherInstance(entry.Instance, q.Instance))
	default:
		d.options, d.Reason, d.Detail = q.Policy.check(q.User, entry)
	}
	return d
}

// expired compares whole seconds, since a Timestamp near the end of 64 bits
// is no time.Time.
func expired(entry activekeys.Entry, now time.Time) bool { return entry.Timestamp <= now.Unix() }

func expiry(entry activekeys.Entry, now time.Time) error {
	return fmt.Errorf("it expired at %s, it is now %s", formatTime(time.Unix(entry.Timestamp, 0)), formatTime(now))
}

func otherInstance(got, want string) error {
	return fmt.Errorf("it was pushed to instance %.80q, this is %q", got, want)
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
