package explain

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Without its escape sequences, colored text is the plain text.
func TestColoredTextSaysTheSameAsPlainText(t *testing.T) {
	report, _ := newWorld(t, nitro(), "keys=good-then-bad").ask(t, budget)
	var plain, colorful strings.Builder
	require.NoError(t, report.WriteText(&plain, false))
	require.NoError(t, report.WriteText(&colorful, true))
	require.NotContains(t, plain.String(), "\x1b")
	sgr := regexp.MustCompile(`\x1b\[[0-9;]+m`)
	require.Equal(t, plain.String(), sgr.ReplaceAllString(colorful.String(), ""))
	for _, want := range []string{
		"\x1b[1;32mKey 1 of 2: printed\x1b[0m\n",
		"\x1b[1;31mKey 2 of 2: refused, bad-signature\x1b[0m\n",
		"\x1b[1;32mAnswer: 1 of 2 keys would be printed\x1b[0m\n",
	} {
		require.Contains(t, colorful.String(), want)
	}
}

// A key may expire in a year that RFC 3339 cannot express.
func TestExpiryAsText(t *testing.T) {
	for want, k := range map[string]Key{
		"2026-11-22T10:00:00Z, 10 seconds left":               {Timestamp: 1795341600, SecondsLeft: 10},
		"2026-11-22T10:00:00Z, 0 seconds left":                {Timestamp: 1795341600},
		"2026-11-22T10:00:00Z, 1 second ago":                  {Timestamp: 1795341600, SecondsLeft: -1},
		"at 9223372036854775807 in Unix time, 5 seconds left": {Timestamp: 1<<63 - 1, SecondsLeft: 5},
	} {
		if k.Timestamp == 1795341600 {
			k.Expires = time.Unix(k.Timestamp, 0)
		}
		require.Equal(t, want, expiry(k))
	}
}
