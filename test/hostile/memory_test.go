package hostile

import (
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
	"eic/test/trial"
)

const mebibyte = 1 << 20

// The maximum memory of a run without faults, and of any run, whatever the metadata service
// answers.
const (
	mostUsually = 20 * mebibyte
	mostEver    = 48 * mebibyte
)

func TestRunUsesLittleMemory(t *testing.T) {
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

// report logs the memory and time of a run.
func report(t *testing.T, u trial.Usage) {
	t.Helper()
	t.Logf("%5.1f MiB, %6.1f ms computing, %6.1f ms in all", float64(u.Peak)/mebibyte,
		float64(u.CPU.Microseconds())/1000, float64(u.Took.Microseconds())/1000)
}
