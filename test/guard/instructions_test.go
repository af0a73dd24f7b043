package guard

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim/ca"
	"eic/test/bench/scene"
	"eic/test/host"
)

// mostInstructions is how many instructions a run of each case may take in this program
// and its libraries, the kernel's not counted: what the least of a few runs took, and a
// twentieth. Go's scheduler makes up for most of what runs differ by, a hundredth of a hit
// and as much as a fifteenth of a miss.
var mostInstructions = map[string]int{
	scene.Miss: 1_420_000,
	scene.Hit:  7_270_000,
}

// countedRuns are counted of each case.
const countedRuns = 5

// counted is the line in which callgrind tells how many there were.
var counted = regexp.MustCompile(`(?m)^==\d+== Collected : (\d+)$`)

// TestARunTakesNoMoreInstructions counts them with callgrind, which counts the same on a
// machine that is busy. It does not survive signals that a signal handler interrupts, such
// as Go sends to threads for preempting goroutines and for confining all of them; so
// neither happens in what is counted.
func TestARunTakesNoMoreInstructions(t *testing.T) {
	s, err := scene.Open(scene.Options{Keys: new(ca.Keys)})
	require.NoError(t, err)
	defer s.Close() //nolint:errcheck // it ends with this process
	cases, err := s.Cases()
	require.NoError(t, err)
	seen := 0
	for _, c := range cases {
		most, guarded := mostInstructions[c.Name]
		if !guarded {
			continue
		}
		seen++
		least := most * 10
		for range countedRuns {
			least = min(least, instructions(t, s, c))
		}
		t.Logf("%s: %d instructions", c.Name, least)
		require.LessOrEqual(t, least, most, c.Name)
	}
	require.Len(t, mostInstructions, seen)
}

// instructions counts those of one run.
func instructions(t *testing.T, s *scene.Scene, c scene.Case) int {
	t.Helper()
	arguments := append([]string{"--tool=callgrind", "--callgrind-out-file=/dev/null"}, scene.Unconfined.Command(c)...)
	cmd := s.Command(host.ServiceUser, "/usr/bin/valgrind", arguments...)
	cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1")
	result, err := host.Capture(context.Background(), cmd)
	require.NoError(t, err)
	require.Zero(t, result.Status, result.Stderr)
	require.Equal(t, c.Printed, strings.Count(result.Stdout, "\n"), result.Stderr)
	found := counted.FindStringSubmatch(result.Stderr)
	require.NotNil(t, found, "callgrind did not say how many: %s", result.Stderr)
	count, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	return count
}
