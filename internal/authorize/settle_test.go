package authorize

import (
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/activekeys"
)

// However many keys a document has, each signature is verified, and decides about its own
// key alone.
func TestEachOfManyKeysIsDecidedByItself(t *testing.T) {
	for _, keys := range []int{0, 1, 500} {
		var entries []activekeys.Entry
		var want []Reason
		for i := range keys {
			entry, reason := entryOf(lineOf(ed25519Key())), Printed
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
