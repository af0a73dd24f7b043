// Package differential generates evidence that differs from good evidence in up to three
// ways, and verifies it twice: with the program's own packages, and with openssl and an
// independent implementation of the rules in this package. The test fails if the program
// would print a key that the independent implementation refuses.
//
// The evidence, with its keys and signatures, is generated from a seed, and is always the
// same for that seed.
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
	number = flag.Int("worlds", 300, "how many sets of evidence to verify")
	first  = flag.Uint64("seed", 1, "the first world's seed")
	keep   = flag.String("keep", "", "directory for the files of the last world, as openssl reads them")
)

// mostShown is how many failures are shown in full.
const mostShown = 10

func TestEicPrintsNoKeyThatOpenSSLRefuses(t *testing.T) {
	needs.Tool(t, "openssl")
	cryptotest.SetGlobalRandom(t, 0)
	keys := newKeys()
	worlds := make(chan *world, runtime.NumCPU())
	results := newResults()
	var workers sync.WaitGroup
	for i := range runtime.NumCPU() + 1 {
		dir := filepath.Join(t.TempDir(), fmt.Sprint(i))
		if *keep != "" {
			dir = filepath.Join(*keep, fmt.Sprint(i))
		}
		require.NoError(t, os.MkdirAll(dir, 0o700))
		workers.Go(func() {
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
			results.impossible++ // crypto/x509 cannot generate this combination of mutations
			continue
		}
		worlds <- w
	}
	close(worlds)
	workers.Wait()
	results.report(t)
}

// outcome compares the two verdicts on one set of evidence.
type outcome struct {
	err error
	// printed means that both print keys, and the same ones.
	printed bool
	// permissive are keys that only the program prints, and why the other refuses them.
	permissive []string
	// stricter are the program's reasons to refuse keys that the other prints.
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

// results collects outcomes.
type results struct {
	mu                            sync.Mutex
	impossible, verified, printed int
	failures                      []string
	stricter                      map[string]int
	example                       map[string]string
}

func newResults() *results {
	return &results{stricter: make(map[string]int), example: make(map[string]string)}
}

func (r *results) add(w *world, o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verified++
	if o.printed {
		r.printed++
	}
	if o.err != nil {
		o.permissive = append(o.permissive, o.err.Error())
	}
	for _, reason := range o.permissive {
		r.failures = append(r.failures, fmt.Sprintf("seed %d (%s): eic prints a key that openssl refuses: %s",
			w.seed, strings.Join(w.mutations, "; "), reason))
	}
	for _, reason := range o.stricter {
		r.stricter[reason]++
		if _, ok := r.example[reason]; !ok {
			r.example[reason] = fmt.Sprintf("seed %d (%s)", w.seed, strings.Join(w.mutations, "; "))
		}
	}
}

// report logs the figures. It fails if the program was more permissive anywhere, or if
// the evidence was too one-sided to compare anything.
func (r *results) report(t *testing.T) {
	t.Logf("%d worlds from seed %d: %d verified, in %d both print the same keys, %d cannot be generated",
		*number, *first, r.verified, r.printed, r.impossible)
	for _, reason := range slices.SortedFunc(maps.Keys(r.stricter), func(a, b string) int { return r.stricter[b] - r.stricter[a] }) {
		t.Logf("we are stricter %d times, first with %s: %s", r.stricter[reason], r.example[reason], reason)
	}
	for _, failure := range r.failures[:min(len(r.failures), mostShown)] {
		t.Error(failure)
	}
	require.Empty(t, r.failures[min(len(r.failures), mostShown):], "there are more failures")
	if *number >= 100 {
		require.Greater(t, r.printed, r.verified/10, "expected more worlds in which both print a key")
		require.Less(t, r.printed, r.verified*9/10, "expected more worlds without a printed key")
		require.Less(t, r.impossible, *number/20, "expected fewer worlds that cannot be generated")
	}
}
