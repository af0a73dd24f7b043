package authorize

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/activekeys"
)

// Every signature of a document with many keys is verified, and decides about its own key
// only.
func TestEachOfManyKeysIsDecidedSeparately(t *testing.T) {
	for _, keys := range []int{0, 1, 500} {
		var entries []activekeys.Entry
		var want []Reason
		for i := range keys {
			entry, reason := entryOf(lineOf(ed25519Key())), Printed
			entry.Signed = fmt.Append(entry.Signed, i)
			switch i % 7 {
			case 2:
				entry.Signature, reason = nil, BadSignature
			case 4:
				entry.Instance, reason = "i-0fedcba9876543210", OtherInstance
			}
			entries, want = append(entries, entry), append(want, reason)
		}
		var got []Reason
		for _, d := range decide(question(), entries...) {
			got = append(got, d.Reason)
		}
		require.Equal(t, want, got, "%d keys", keys)
	}
}

// A block that is served several times must be printed and logged once. A damaged block
// must not hide a valid copy of it.
func TestRepeatedBlockIsPrintedOnce(t *testing.T) {
	whole, damaged, other := entryOf(lineOf(ed25519Key())), entryOf(lineOf(ed25519Key())), entryOf(lineOf(ed25519Key()))
	damaged.Signature = nil
	other.Signed = append([]byte("#X=1\n"), other.Signed...)
	again := whole
	again.Signature = append([]byte("good"), 0)
	var got []Reason
	for _, d := range decide(question(), damaged, whole, whole, damaged, again, other) {
		got = append(got, d.Reason)
	}
	require.Equal(t, []Reason{BadSignature, Printed, Repeated, Repeated, Repeated, Printed}, got)
}

func TestKeyThatExpiresBeforeItIsPrinted(t *testing.T) {
	entry := entryOf(lineOf(ed25519Key()))
	decisions := decide(question(), entry, entry)
	Expire(decisions, now)
	require.Equal(t, Printed, decisions[0].Reason)
	Expire(decisions, time.Unix(entry.Timestamp, 0))
	require.Equal(t, []Reason{Expired, Repeated}, []Reason{decisions[0].Reason, decisions[1].Reason})
	require.Nil(t, decisions[0].Line())
}
