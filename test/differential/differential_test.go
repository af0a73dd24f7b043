// Package differential makes up worlds that differ from a good one in up to three
// ways, and has each judged twice: by the program's own packages, and by openssl
// together with rules that are written down here independently. A world in which we
// would print a key that the other judge would not is a failure.
//
// Each world comes from a seed, keys and signatures included, and is the same
// whenever that seed is used.
package differential

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/stretchr/testify/require"

	"eic/test/needs"
)

var (
	number = flag.Int("worlds", 300, "how many worlds to judge")
	first  = flag.Uint64("seed", 1, "the first world's seed")
	keep   = flag.String("keep", "", "directory to leave the last world in, as openssl got to see it")
)

// mostShown is how many failures are shown in full.
const mostShown = 10

func TestWeAreNeverMorePermissive(t *testing.T) {
	needs.Tool(t, "openssl")
	cryptotest.SetGlobalRandom(t, 0)
	keys := newKeys()
	worlds := make(chan *world, runtime.NumCPU())
	results := newResults()
	var judges sync.WaitGroup
	for i := range runtime.NumCPU() + 1 {
		dir := filepath.Join(t.TempDir(), fmt.Sprint(i))
		if *keep != "" {
			dir = filepath.Join(*keep, fmt.Sprint(i))
		}
		require.NoError(t, os.MkdirAll(dir, 0o700))
		judges.Go(func() {
			for w := range worlds {
				results.add(w, w.compare(t.Context(), dir))
			}
		})
	}
	for i := range *number {
		seed := *first + uint64(i)
		cryptotest.SetGlobalRandom(t, seed)
		w, err := newWorld(seed, keys, time.Now().Truncate(time.Second))
		if err != nil {
			results.impossible++ // crypto/x509 does not make what the mutations want together
			continue
		}
		worlds <- w
	}
	close(worlds)
	judges.Wait()
	results.report(t)
}

// outcome is how the two verdicts on a world compare.
type outcome struct {
	err error
	// printed is that both print keys, and the same.
	printed bool
	// permissive are our keys that the other judge refuses, and why.
	permissive []string
	// stricter are our reasons to refuse what the other judge prints.
	stricter []string
}

func (w *world) compare(ctx context.Context, dir string) outcome {
	now := time.Now()
	ours, signer := w.ours(now)
	theirs, err := w.theirs(program{ctx, dir}, now, signer)
	if err != nil {
		return outcome{err: err}
	}
	var result outcome
	for _, key := range ours.keys {
		switch {
		case !w.honest[key]:
			result.permissive = append(result.permissive, "no honest service signed that")
		case !slices.Contains(theirs.keys, key):
			result.permissive = append(result.permissive, theirs.reason+theirs.reasons[ours.lines[key]])
		}
	}
	for _, key := range theirs.keys {
		if slices.Contains(ours.keys, key) {
			continue
		}
		reason := ours.reason
		if reason == "" {
			reason = ours.reasons[theirs.lines[key]]
		}
		if reason == "" {
			reason = "no block is read there"
		}
		result.stricter = append(result.stricter, reason)
	}
	result.printed = len(ours.keys) > 0 && len(result.permissive) == 0 && len(result.stricter) == 0
	return result
}

// results gathers outcomes.
type results struct {
	mu                          sync.Mutex
	impossible, judged, printed int
	failures                    []string
	stricter                    map[string]int
	example                     map[string]string
}

func newResults() *results {
	return &results{stricter: make(map[string]int), example: make(map[string]string)}
}

func (r *results) add(w *world, o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.judged++
	if o.printed {
		r.printed++
	}
	if o.err != nil {
		o.permissive = append(o.permissive, o.err.Error())
	}
	for _, reason := range o.permissive {
		r.failures = append(r.failures, fmt.Sprintf("seed %d (%s): we print a key that the other judge refuses: %s",
			w.seed, strings.Join(w.mutations, "; "), reason))
	}
	for _, reason := range o.stricter {
		r.stricter[reason]++
		if _, ok := r.example[reason]; !ok {
			r.example[reason] = fmt.Sprintf("seed %d (%s)", w.seed, strings.Join(w.mutations, "; "))
		}
	}
}

// report logs the figures, and fails if we were more permissive anywhere, or if the
// worlds were not such that both judges had something to say.
func (r *results) report(t *testing.T) {
	t.Logf("%d worlds from seed %d: %d judged, in %d both judges print the same keys, %d cannot be made",
		*number, *first, r.judged, r.printed, r.impossible)
	for _, reason := range slices.SortedFunc(maps.Keys(r.stricter), func(a, b string) int { return r.stricter[b] - r.stricter[a] }) {
		t.Logf("we are stricter %d times, first with %s: %s", r.stricter[reason], r.example[reason], reason)
	}
	for _, failure := range r.failures[:min(len(r.failures), mostShown)] {
		t.Error(failure)
	}
	require.Empty(t, r.failures[min(len(r.failures), mostShown):], "and more")
	if *number >= 100 {
		require.Greater(t, r.printed, r.judged/10, "hardly a world has a good key")
		require.Less(t, r.printed, r.judged*9/10, "hardly a world is bad")
		require.Less(t, r.impossible, *number/20, "too many worlds cannot be made")
	}
}
