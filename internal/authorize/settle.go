package authorize

import (
	"fmt"
	"time"
)

// Settle decides what Screen left undecided: the entry must name this
// instance, which must be known by now, must not have expired since, and its
// signature must verify. Of entries whose signed text is the same, one is Printed.
func Settle(decisions []Decision, instance string, now time.Time, signer Signer) {
	printed := map[string]int{} // the line of the first block, by signed text
	for i := range decisions {
		d := &decisions[i]
		if d.Reason != Undecided {
			continue
		}
		if line, twice := printed[string(d.Entry.Signed)]; twice {
			d.refuse(Repeated, fmt.Errorf("it is the same as the block at line %d", line))
			continue
		}
		if d.settle(instance, now, signer); d.Reason == Printed {
			printed[string(d.Entry.Signed)] = d.Entry.Line
		}
	}
}

// Expire refuses what was Printed and has expired by now, which may be some time after
// Settle.
func Expire(decisions []Decision, now time.Time) {
	for i := range decisions {
		if d := &decisions[i]; d.Reason == Printed && expired(d.Entry, now) {
			d.refuse(Expired, expiry(d.Entry, now))
		}
	}
}

func (d *Decision) settle(instance string, now time.Time, signer Signer) {
	if d.Entry.Instance != instance || instance == "" {
		d.refuse(OtherInstance, otherInstance(d.Entry.Instance, instance))
		return
	}
	if expired(d.Entry, now) {
		d.refuse(Expired, expiry(d.Entry, now))
		return
	}
	if err := signer.VerifySignature(d.Entry.Signed, d.Entry.Signature); err != nil {
		d.refuse(BadSignature, fmt.Errorf("the signature does not verify under the signer's key: %w", err))
		return
	}
	d.Reason = Printed
}
