// Package authorize decides, for each entry of the active-keys document,
// whether sshd may be given its key, and says why if not.
//
// It does no I/O. A decision falls in two steps, so that nothing is fetched
// for a key that cannot count: Screen refuses what can be refused without the
// signer, and Settle checks the signatures of what is left. Only what Settle
// leaves as Printed may be printed.
package authorize

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"eic/internal/activekeys"
)

// Reason is the outcome for one entry.
type Reason int

// The outcomes. Undecided is what Screen leaves for Settle.
const (
	Undecided Reason = iota
	Printed
	Malformed
	UnsupportedKey
	OtherFingerprint
	Expired
	OtherInstance
	UserDenied
	CallerDenied
	BadSignature
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

// Question is what sshd asks, with what is known before the signer is.
type Question struct {
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

// Signer checks a signature over the signed bytes of an entry. Several goroutines may
// use it at once.
type Signer interface {
	VerifySignature(signed, signature []byte) error
}

// Screen returns one Decision for each entry, in order, and refuses all that
// can be refused without knowing the signer. Of the rest it leaves Reason as
// Undecided.
func Screen(entries []activekeys.Entry, q Question) []Decision {
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

func screen(entry activekeys.Entry, q Question) Decision {
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
		d.options, d.Reason, d.Detail = q.Policy.judge(q.User, entry)
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

// parseKey takes a line that is exactly one plain public key: a type that
// golang.org/x/crypto/ssh knows, the same key in base64 in its only encoding,
// and perhaps a comment. Options and certificates are refused, since both
// would give sshd more than a key.
func parseKey(line []byte) (ssh.PublicKey, error) {
	name, rest, _ := bytes.Cut(line, []byte(" "))
	if !plainKeyType(string(name)) {
		return nil, fmt.Errorf("the key line begins with %.60q, expected a plain public-key type", name)
	}
	text, _, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	blob := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(blob, text)
	if err != nil {
		return nil, fmt.Errorf("decoding the %s key: %w", name, err)
	}
	key, err := ssh.ParsePublicKey(blob[:n])
	if err != nil {
		return nil, fmt.Errorf("parsing the %s key: %w", name, err)
	}
	if key.Type() != string(name) {
		return nil, fmt.Errorf("the key line says %q, the key in it is %.60q", name, key.Type())
	}
	if !bytes.Equal(key.Marshal(), blob[:n]) {
		return nil, errors.New("the key is not in its canonical encoding")
	}
	return key, nil
}

// plainKeyType reports whether name is a public-key type of
// golang.org/x/crypto/ssh that is no certificate.
func plainKeyType(name string) bool {
	switch name {
	case ssh.InsecureKeyAlgoDSA: //nolint:staticcheck // whether to accept DSA is sshd's to say (PubkeyAcceptedAlgorithms)
		return true
	case ssh.KeyAlgoRSA, ssh.KeyAlgoED25519,
		ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoSKED25519:
		return true
	default:
		return false
	}
}

const md5Prefix = "MD5:"

// fingerprint returns the key's fingerprint in the form of like.
func fingerprint(key ssh.PublicKey, like string) string {
	if strings.HasPrefix(like, md5Prefix) {
		return md5Prefix + ssh.FingerprintLegacyMD5(key)
	}
	return ssh.FingerprintSHA256(key)
}

// ValidFingerprint reports whether s has a form in which sshd expands %f:
// "SHA256:" and 43 characters of unpadded base64, or "MD5:" and 16 octets in
// lower-case hexadecimal joined by colons.
func ValidFingerprint(s string) bool {
	if digest, ok := strings.CutPrefix(s, "SHA256:"); ok {
		_, err := base64.RawStdEncoding.Strict().DecodeString(digest)
		return err == nil && len(digest) == 43 && !strings.ContainsAny(digest, "\r\n")
	}
	digest, ok := strings.CutPrefix(s, md5Prefix)
	if !ok || len(digest) != 16*3-1 {
		return false
	}
	for i, c := range []byte(digest) {
		if i%3 == 2 && c != ':' || i%3 != 2 && !strings.ContainsRune("0123456789abcdef", rune(c)) {
			return false
		}
	}
	return true
}
