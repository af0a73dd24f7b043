package authorize

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/activekeys"
)

// However many signatures are shared out to however many processors, each is
// verified, and decides about its own key alone.
func TestEachOfManyKeysIsDecidedByItself(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, processors := range []int{1, 2, 3, 8} {
		runtime.GOMAXPROCS(processors)
		for _, keys := range []int{0, 1, worthAnother - 1, worthAnother, 5*worthAnother + 1, 500} {
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
			require.Equal(t, want, got, "%d keys on %d processors", keys, processors)
		}
	}
}
