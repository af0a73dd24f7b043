// Package faults shows three things. No fault of the metadata service makes the program
// print a key that it has not verified. No transient fault costs a login. No fault delays
// sshd for longer than the budget.
package faults

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/internal/sim/imds"
	"eic/test/needs"
	"eic/test/trial"
)

// longestRun is the default budget, 5 seconds, plus the time to start and end a process.
const longestRun = 5200 * time.Millisecond

// mostAttempts is how often the program may repeat a request without success. More requests
// would make a throttling service throttle more.
const mostAttempts = 60

func TestMain(m *testing.M) { trial.Main(m, 24) }

// Each stage is tested with each kind of fault. No other test has all of these pairs.
func TestEveryFaultAtEveryStage(t *testing.T) {
	needs.Root(t) // the program accepts a file of trust anchors only if root owns it
	keys := new(ca.Keys)
	var names []string
	for _, stage := range stages() {
		for _, kind := range imds.Kinds() {
			names = append(names, fmt.Sprintf("%s=%s", stage, kind))
			t.Run(fmt.Sprintf("%s/%s", stage, kind), func(t *testing.T) {
				t.Parallel()
				w := trial.NewWorld(t, keys)
				if stage == imds.StageAvailabilityZone {
					delete(w.Values, trial.RegionPath) // otherwise the program does not request the zone
				}
				w.Options.Faults.Stages = map[imds.Stage]imds.Kind{stage: kind}
				result, stats := ask(t, w, kind)
				check(t, expect(stage, kind), result)
				checkRequests(t, stage, kind, stats)
			})
		}
	}
	for _, fault := range sim.Faults() {
		if fault.Transport {
			require.Contains(t, names, fault.Name)
		}
	}
}

func TestDefaultBudgetIsFiveSeconds(t *testing.T) {
	needs.Root(t) // a file of trust anchors must be owned by root
	w := trial.NewWorld(t, new(ca.Keys))
	w.Options.Faults.Stages = map[imds.Stage]imds.Kind{imds.StageToken: imds.Hang}
	result, err := trial.Run(w.Serve(t).Command())
	require.NoError(t, err)
	require.GreaterOrEqual(t, result.Took, 5*time.Second)
	require.Contains(t, result.Stderr, "the budget of 5s is spent")
}

// crowd is locked for reading by concurrent runs, and for writing by a run that must be alone.
var crowd sync.RWMutex

// ask runs the program once. If a run takes too long while others run in parallel, ask repeats
// it alone, because the test is about the program and not about a busy machine.
func ask(t *testing.T, w *trial.World, kind imds.Kind) (trial.Result, imds.Stats) {
	t.Helper()
	var flags []string
	if slices.Contains(lasting(), kind) {
		flags = []string{"--budget=" + budget.String()}
	}
	once := func() (trial.Result, imds.Stats) {
		served := w.Serve(t)
		result, err := trial.Run(served.Command(flags...))
		require.NoError(t, err)
		return result, served.Stats()
	}
	crowd.RLock()
	result, stats := once()
	crowd.RUnlock()
	if result.Took > longestRun {
		crowd.Lock()
		defer crowd.Unlock()
		t.Logf("took %s while others ran; running it again alone", result.Took)
		result, stats = once()
	}
	return result, stats
}

// stages returns the stages of the requests for a printed key, in order.
func stages() []imds.Stage {
	return []imds.Stage{
		imds.StageToken, imds.StageActiveKeys, imds.StageInstanceID, imds.StageRegion, imds.StageAvailabilityZone,
		imds.StageDomain, imds.StageSignerCert, imds.StageStapleList, imds.StageStaple,
	}
}

func check(t *testing.T, want outcome, got trial.Result) {
	t.Helper()
	require.Less(t, got.Took, longestRun)
	if want.surplus && strings.Contains(got.Stderr, "malformed HTTP response") {
		require.Empty(t, got.Stdout)
		require.Equal(t, 1, got.Status)
		return
	}
	require.Equal(t, want.stdout, got.Stdout)
	require.Equal(t, want.status, got.Status, got.Stderr)
	require.Regexp(t, want.log, got.Stderr)
}

// checkRequests checks the requests that were sent.
func checkRequests(t *testing.T, stage imds.Stage, kind imds.Kind, stats imds.Stats) {
	t.Helper()
	for path, n := range stats.Paths {
		require.LessOrEqual(t, n, mostAttempts, path)
	}
	tokens := stats.Requests[imds.StageToken]
	switch {
	case kind == imds.Once401 && stage != imds.StageToken:
		require.Equal(t, 2, tokens, "expected one token and one renewal")
	case stage != imds.StageToken:
		require.Equal(t, 1, tokens, "expected one token")
	}
	if kind == imds.Redirect {
		for path := range stats.Paths {
			require.NotContains(t, path, "redirected")
		}
	}
	if slices.Contains([]imds.Kind{imds.Status403, imds.Status404, imds.Redirect, imds.Huge, imds.LongLine, imds.Gzip}, kind) {
		for path, n := range stats.Paths {
			require.Equal(t, 1, n, "a repeated request for %s cannot succeed", path)
		}
	}
}
