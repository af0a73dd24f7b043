package authorize

import (
	"fmt"
	"time"
)

// Settle decides what Screen left undecided: the entry must name this
// instance, which must be known by now, must not have expired since, and its
// signature must verify.
func Settle(decisions []Decision, instance string, now time.Time, signer Signer) {
	for i := range decisions {
		if decisions[i].Reason == Undecided {
			decisions[i].settle(instance, now, signer)
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
