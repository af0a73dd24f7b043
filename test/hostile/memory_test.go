package hostile

import (
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
	"eic/test/trial"
)

const mebibyte = 1 << 20

// What a run may take: memory where all is well, and memory and time whatever the
// metadata service answers.
const (
	mostUsually = 20 * mebibyte
	mostEver    = 48 * mebibyte
)

func TestARunIsSmall(t *testing.T) {
	_, key := pushed(t, host.Options{})
	for name, test := range map[string]struct{ user, want string }{"hit": {user, key}, "miss": {"bob", ""}} {
		t.Run(name, func(t *testing.T) {
			result, err := trial.Measure(host.Binary, arguments(test.user)...)
			require.NoError(t, err)
			require.Equal(t, test.want, result.Stdout)
			require.Zero(t, result.Status)
			report(t, result.Usage)
			require.Less(t, result.Peak, int64(mostUsually))
		})
	}
}

// report tells what a run took.
func report(t *testing.T, u trial.Usage) {
	t.Helper()
	t.Logf("%5.1f MiB, %6.1f ms computing, %6.1f ms in all", float64(u.Peak)/mebibyte,
		float64(u.CPU.Microseconds())/1000, float64(u.Took.Microseconds())/1000)
}
