package explain

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"time"

	"eic/internal/activekeys"
	"eic/internal/authorize"
)

// Key is one block of the active-keys document, and the decision about it.
type Key struct {
	// Line is the number of the block's first line in the document.
	Line int `json:"line"`
	// Printed reports whether sshd gets the key, and AuthorizedKeysLine is the line that
	// it gets.
	Printed            bool   `json:"printed"`
	AuthorizedKeysLine string `json:"authorized_keys_line,omitempty"`
	// Reason is the name of an authorize.Reason. It is "undecided" if the signer could
	// not be fetched or is not trusted.
	Reason  Cause  `json:"reason"`
	Message string `json:"message,omitempty"`
	Remedy  Remedy `json:"remedy,omitzero"`

	Type        string `json:"type,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	Instance    string `json:"instance,omitempty"`
	Caller      string `json:"caller,omitempty"`
	RequestID   string `json:"request_id,omitempty"`
	// Timestamp is when the key expires, in Unix seconds. Expires is the same time as a
	// date, up to the year 9999. SecondsLeft is negative if the key has expired.
	Timestamp   int64     `json:"timestamp,omitempty"`
	Expires     time.Time `json:"expires,omitzero"`
	SecondsLeft int64     `json:"seconds_left"`

	// bits is the size of an RSA key, or 0 for other keys.
	bits int
}

// lastSecond is the last second that RFC 3339 can express.
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
	if k.Type == rsaType {
		k.bits = rsaBits(d.Entry.Key)
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

// rsaType is the type of RSA keys in authorized_keys.
const rsaType = "ssh-rsa"

// rsaBits returns the size of the modulus of a public-key line, which is the last field
// of the key (RFC 4253, section 6.6), or 0 if the line cannot be parsed.
func rsaBits(line []byte) int {
	_, text, _ := activekeys.SplitKey(line)
	blob, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return 0
	}
	var modulus []byte
	for len(blob) >= 4 {
		size := int(binary.BigEndian.Uint32(blob))
		if blob = blob[4:]; size > len(blob) {
			return 0
		}
		modulus, blob = blob[:size], blob[size:]
	}
	modulus = bytes.TrimLeft(modulus, "\x00")
	if len(modulus) == 0 {
		return 0
	}
	return 8*(len(modulus)-1) + bits.Len8(modulus[0])
}
