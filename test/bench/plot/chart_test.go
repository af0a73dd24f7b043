package main

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/bench/results"
	"eic/test/bench/stats"
)

func TestDraw(t *testing.T) {
	svg := draw(results.Growth{
		Name: "keys", Of: "keys <in> the document", Unit: "keys",
		Lines: []results.Line{{Name: "eic & all", Points: []results.Point{
			{X: 0, Wall: stats.Summary{Low: 1, Median: 2, High: 3}},
			{X: 1000, Wall: stats.Summary{Low: 9, Median: 10, High: 12}},
		}}},
	})
	var parsed struct {
		Lines []struct {
			Points string `xml:"points,attr"`
		} `xml:"polyline"`
		Texts []string `xml:"text"`
	}
	require.NoError(t, xml.Unmarshal(svg, &parsed))
	require.Len(t, parsed.Lines, 1)
	require.Equal(t, "64.0,294.7 696.0,97.3", parsed.Lines[0].Points)
	require.Contains(t, parsed.Texts, "eic & all")
	require.Contains(t, parsed.Texts, "1000")
	require.NotContains(t, string(svg), "%!", "a format did not fit its arguments")
	require.Equal(t, 1, strings.Count(string(svg), "</svg>"))
}

func TestStep(t *testing.T) {
	for most, want := range map[float64]float64{1: 0.2, 10: 2, 12: 2, 26: 5, 100: 20, 256: 50, 1000: 200, 1080: 200, 0.7: 0.1} {
		require.InDelta(t, want, step(most), 1e-9, "%v", most)
	}
}
