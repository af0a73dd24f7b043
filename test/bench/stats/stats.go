// Package stats sums up samples of what programs took.
package stats

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Summary is what a row of samples comes to.
type Summary struct {
	// Median has half of the samples on each side, and a quarter of them lies
	// below Low and above High.
	Low, Median, High float64
	Samples           int
}

// Of sums samples up. There must be one at least.
func Of(samples []float64) Summary {
	sorted := slices.Sorted(slices.Values(samples))
	return Summary{quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75), len(sorted)}
}

// Milliseconds is a duration as a sample.
func Milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Interval is an estimate and the bounds between which it lies with a probability of
// 95 in 100.
type Interval struct{ Low, Estimate, High float64 }

// Ratio is the ratio of the medians of two rows of samples that were taken in turns.
func Ratio(of, to []float64) Interval {
	return compare(of, to, func(a, b float64) float64 { return a / b })
}

// Difference is what the median of the one is greater than that of the other.
func Difference(of, to []float64) Interval {
	return compare(of, to, func(a, b float64) float64 { return a - b })
}

// resamples is how often the samples are drawn anew to see how far chance moves the
// estimate.
const resamples = 1000

// compare bootstraps (Efron): it draws as many samples as there are from those there
// are, again and again, and looks where the results lie. Rows that were taken in
// turns have the same length and are drawn by turn, so that what disturbed both
// programs of a turn disturbs neither side more than the other.
func compare(of, to []float64, by func(a, b float64) float64) Interval {
	random := rand.New(rand.NewPCG(1, 2)) // the same samples give the same interval
	turns := min(len(of), len(to))
	a, b, results := make([]float64, turns), make([]float64, turns), make([]float64, resamples)
	for i := range results {
		for j := range turns {
			turn := random.IntN(turns)
			a[j], b[j] = of[turn], to[turn]
		}
		results[i] = by(median(a), median(b))
	}
	slices.Sort(results)
	return Interval{quantile(results, 0.025), by(Of(of).Median, Of(to).Median), quantile(results, 0.975)}
}

// median sorts its samples.
func median(samples []float64) float64 {
	slices.Sort(samples)
	return quantile(samples, 0.5)
}

// quantile interpolates between the two samples next to it.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	below := int(at)
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	part := at - float64(below)
	return sorted[below]*(1-part) + sorted[below+1]*part
}
