package evidence

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Any evidence.json is either refused, or loads as a Record that is the same after saving
// and loading it.
func FuzzRecord(f *testing.F) {
	for _, r := range []Record{full(), {}} {
		text, err := r.marshal()
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(`{"schema":"eic.evidence/1","time":"9999-12-31T23:59:59+23:59"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, missing, err := unmarshal(text)
		if err != nil {
			return
		}
		written, err := r.marshal()
		if err != nil {
			return // RFC 3339 cannot express this time
		}
		again, _, err := unmarshal(written)
		require.NoError(t, err)
		rewritten, err := again.marshal()
		require.NoError(t, err)
		require.Equal(t, string(written), string(rewritten))
		for _, err := range missing {
			require.True(t, err == nil || err.Error() != "")
		}
	})
}

// Any SHA256SUMS is either refused, or is exactly what this program writes for its
// digests.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(digest(nil) + "  domain\n" + digest([]byte("x")) + "  ocsp/1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		digests, err := parseManifest(text)
		if err != nil {
			return
		}
		length := 0
		for name, sum := range digests {
			require.True(t, knownFile(name))
			require.Len(t, sum, 64)
			length += len(sum) + len("  ") + len(name) + len("\n")
		}
		require.Len(t, text, length)
	})
}
