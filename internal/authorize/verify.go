package authorize

import (
	"fmt"
	"time"
)

// Verify decides the entries that Screen left Undecided. An entry is Printed if it names
// this instance, has not expired by now, and its signature is valid. An empty instance
// matches no entry. Of entries with the same signed text, only the first valid one is
// Printed.
func Verify(decisions []Decision, instance string, now time.Time, signer Signer) {
	printed := map[string]int{} // the line of the printed block, by signed text
	for i := range decisions {
		d := &decisions[i]
		if d.Reason != Undecided {
			continue
		}
		if line, twice := printed[string(d.Entry.Signed)]; twice {
			d.refuse(Repeated, fmt.Errorf("same signed text as the block at line %d", line))
			continue
		}
		if d.verify(instance, now, signer); d.Reason == Printed {
			printed[string(d.Entry.Signed)] = d.Entry.Line
		}
	}
}

// Expire refuses each Printed entry that has expired by now. Some time may pass between
// Verify and printing.
func Expire(decisions []Decision, now time.Time) {
	for i := range decisions {
		if d := &decisions[i]; d.Reason == Printed && expired(d.Entry, now) {
			d.refuse(Expired, expiry(d.Entry, now))
		}
	}
}

func (d *Decision) verify(instance string, now time.Time, signer Signer) {
	if d.Entry.Instance != instance || instance == "" {
		d.refuse(OtherInstance, otherInstance(d.Entry.Instance, instance))
		return
	}
	if expired(d.Entry, now) {
		d.refuse(Expired, expiry(d.Entry, now))
		return
	}
	if err := signer.VerifySignature(d.Entry.Signed, d.Entry.Signature); err != nil {
		d.refuse(BadSignature, fmt.Errorf("the signature is not valid under the signer's key: %w", err))
		return
	}
	d.Reason = Printed
}
