package stack

import (
	"runtime/metrics"
	"testing"

	"github.com/stretchr/testify/require"
)

// stacks is how many bytes of the heap are stacks.
func stacks() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func TestGrowMakesRoom(t *testing.T) {
	const goroutines = 100
	before := stacks()
	grown, done := make(chan struct{}), make(chan struct{})
	for range goroutines {
		go func() {
			Grow()
			grown <- struct{}{}
			<-done
		}()
	}
	for range goroutines {
		<-grown
	}
	require.GreaterOrEqual(t, stacks()-before, uint64(goroutines*room))
	close(done)
}
