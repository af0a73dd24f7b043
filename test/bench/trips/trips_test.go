package trips

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDepthCountsRoundTripsInSequence(t *testing.T) {
	for name, test := range map[string]struct {
		starts []int // milliseconds
		want   int
	}{
		"nothing":                         {nil, 0},
		"one request":                     {[]int{0}, 1},
		"two in sequence":                 {[]int{0, 51}, 2},
		"two in parallel":                 {[]int{0, 49}, 1},
		"many in parallel after two":      {[]int{0, 50, 101, 102, 103, 140}, 3},
		"a slow program in sequence":      {[]int{0, 90, 180}, 3},
		"the last needs only the first":   {[]int{0, 10, 60}, 2},
		"logged in the order of the ends": {[]int{60, 0, 120}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			var log Log
			begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			for _, start := range test.starts {
				at := begin.Add(time.Duration(start) * time.Millisecond)
				fmt.Fprintf(&log, `{"time":%q,"method":"GET","connection":7}`+"\n", at.Format(time.RFC3339Nano))
			}
			want := Cost{Requests: len(test.starts), Connections: min(len(test.starts), 1), Depth: test.want}
			require.Equal(t, want, log.Take(50*time.Millisecond))
			require.Zero(t, log.Take(50*time.Millisecond), "expected no requests after Take")
		})
	}
	_, err := new(Log).Write([]byte("{\n"))
	require.Error(t, err, "expected an error for a damaged log")
}
