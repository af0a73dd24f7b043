package hostile

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim/ca"
	"eic/test/host"
	"eic/test/trial"
)

// longestRun is the budget plus the time to start and end a process.
const longestRun = 5200 * time.Millisecond

// answer is an answer of a hostile metadata service, or of an attacker who forges packets in
// its name.
type answer struct {
	name string
	say  func(*testing.T, *trial.World)
	// printed is the number of keys that must be printed.
	printed int
}

func TestHostileAnswersCostLittleTimeAndMemory(t *testing.T) {
	pushed(t, host.Options{}) // for the host's loopback interface
	keys := new(ca.Keys)
	var worst extremes
	t.Cleanup(func() { worst.report(t) })
	for _, answer := range answers() {
		t.Run(answer.name, func(t *testing.T) {
			t.Parallel()
			w := trial.NewWorld(t, keys)
			answer.say(t, w)
			served := w.Serve(t)
			result, err := trial.Measure(host.Binary, served.Arguments()...)
			require.NoError(t, err)
			worst.add(answer.name, result.Usage)
			require.Equal(t, answer.printed, strings.Count(result.Stdout, "\n"), result.Stderr)
			require.NotContains(t, result.Stderr, "goroutine ")
			if answer.printed == 0 {
				require.Less(t, len(result.Stderr), 64<<10, "expected a short log")
			}
			require.Less(t, result.Took, longestRun)
			require.Less(t, result.Peak, int64(mostEver))
			requirePlain(t, result.Stderr)
		})
	}
}

// extremes are the highest costs of all answers.
type extremes struct {
	mu         sync.Mutex
	peak       int64
	cpu, took  time.Duration
	ofPeak     string
	ofCPU      string
	ofTook     string
	considered int
}

func (e *extremes) add(name string, u trial.Usage) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.considered++
	if u.Peak > e.peak {
		e.peak, e.ofPeak = u.Peak, name
	}
	if u.CPU > e.cpu {
		e.cpu, e.ofCPU = u.CPU, name
	}
	if u.Took > e.took {
		e.took, e.ofTook = u.Took, name
	}
}

func (e *extremes) report(t *testing.T) {
	t.Logf("of %d answers the most expensive took %.1f MiB (%s), computed for %d ms (%s) and took %d ms in all (%s)", e.considered,
		float64(e.peak)/mebibyte, e.ofPeak, e.cpu.Milliseconds(), e.ofCPU, e.took.Milliseconds(), e.ofTook)
}

// requirePlain requires that a log has no control character except newlines.
func requirePlain(t *testing.T, log string) {
	t.Helper()
	for i, c := range []byte(log) {
		if c < ' ' && c != '\n' || c == 0x7f {
			t.Fatalf("octet %#x of the log is %#x: %.80q", i, c, log[max(0, i-40):])
		}
	}
}
