package authorize

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Settle decides what Screen left undecided: the entry must name this
// instance, which must be known by now, must not have expired since, and its
// signature must verify.
func Settle(decisions []Decision, instance string, now time.Time, signer Signer) {
	var undecided []*Decision
	for i := range decisions {
		if decisions[i].Reason == Undecided {
			undecided = append(undecided, &decisions[i])
		}
	}
	sideBySide(undecided, func(d *Decision) { d.settle(instance, now, signer) })
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

// worthAnother is how many signatures another processor must be given to verify, or
// waking it takes longer.
const worthAnother = 16

// sideBySide calls do for each decision, on several processors if there are many.
func sideBySide(decisions []*Decision, do func(*Decision)) {
	shares := min(runtime.GOMAXPROCS(0), 1+len(decisions)/worthAnother)
	work := func(share int) {
		for i := share; i < len(decisions); i += shares {
			do(decisions[i])
		}
	}
	var group sync.WaitGroup
	for share := 1; share < shares; share++ {
		group.Go(func() { work(share) })
	}
	work(0)
	group.Wait()
}
