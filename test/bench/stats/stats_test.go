package stats

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSummary(t *testing.T) {
	require.Equal(t, Summary{Low: 2, Median: 3, High: 4, Samples: 5}, Of([]float64{5, 1, 3, 2, 4}))
	require.Equal(t, Summary{Low: 1.75, Median: 2.5, High: 3.25, Samples: 4}, Of([]float64{4, 3, 2, 1}))
	require.Equal(t, Summary{Low: 7, Median: 7, High: 7, Samples: 1}, Of([]float64{7}))
}

// Drift that both programs of a turn meet must not widen the interval.
func TestTurnsCancelDrift(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var of, to []float64
	for turn := range 400 {
		drift := 1 + float64(turn)/400
		of = append(of, 1.10*drift*(1+random.Float64()/50))
		to = append(to, drift*(1+random.Float64()/50))
	}
	ratio := Ratio(of, to)
	require.InDelta(t, 1.10, ratio.Estimate, 0.01)
	require.Less(t, ratio.High-ratio.Low, 0.03)
	require.LessOrEqual(t, ratio.Low, ratio.Estimate)
	require.GreaterOrEqual(t, ratio.High, ratio.Estimate)
}

func TestDifference(t *testing.T) {
	difference := Difference([]float64{5, 6, 7}, []float64{1, 2, 3})
	require.InDelta(t, 4, difference.Estimate, 1e-9)
}
