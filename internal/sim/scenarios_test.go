package sim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
)

func TestTwoSimulatorsWithoutFaultsAreAlike(t *testing.T) {
	var keys ca.Keys
	one := describe(t, start(t, sim.Options{Keys: &keys}))
	require.Equal(t, one, describe(t, start(t, sim.Options{Keys: &keys})))
	require.Contains(t, one, "signs the text with PSS SHA-256, salt 32")
	require.NotContains(t, one, "nobody")
	require.NotContains(t, one, "nothing")
}

func TestEveryFaultChangesWhatIsServed(t *testing.T) {
	var keys ca.Keys
	good := describe(t, start(t, sim.Options{Keys: &keys}))
	seen := map[string]string{good: "the scenario without faults"}
	for _, fault := range contentFaults() {
		t.Run(fault.Name, func(t *testing.T) {
			said := describe(t, start(t, sim.Options{Keys: &keys, Faults: []string{fault.Name}}))
			require.NotContains(t, seen, said, "the simulator serves the same as with %s", seen[said])
			seen[said] = fault.Name
		})
	}
}
