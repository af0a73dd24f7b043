package lap

import (
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// served is a Runner whose process is a goroutine of the test.
func served(t *testing.T) *Runner {
	t.Helper()
	orders, in := io.Pipe()
	out, replies := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- Serve(orders, replies) }()
	t.Cleanup(func() {
		require.NoError(t, in.Close())
		require.NoError(t, <-done)
	})
	return newRunner(exec.Command(""), in, out)
}

func TestWhatARunTook(t *testing.T) {
	runs, err := served(t).Do(Order{Command: []string{"/bin/sh", "-c", "echo out; echo err >&2; sleep 0.2; exit 3"}})
	require.NoError(t, err)
	require.Len(t, runs, 1)
	run := runs[0]
	require.Equal(t, "out\n", run.Stdout)
	require.Equal(t, "err\n", run.Stderr)
	require.Equal(t, 3, run.Status)
	require.GreaterOrEqual(t, run.Took, 200*time.Millisecond)
	require.Positive(t, run.CPU)
	require.Less(t, run.CPU, run.Took)
	require.Positive(t, run.Peak)
}

func TestRunsSideBySide(t *testing.T) {
	runner := served(t)
	start := time.Now()
	runs, err := runner.Do(Order{Command: []string{"/bin/sleep", "1"}, AtOnce: 8})
	require.NoError(t, err)
	require.Len(t, runs, 8)
	require.Less(t, time.Since(start), 8*time.Second)
}

func TestAProgramThatCannotBeStarted(t *testing.T) {
	runner := served(t)
	_, err := runner.Do(Order{Command: []string{"/no/such/program"}})
	require.ErrorContains(t, err, "/no/such/program")
	runs, err := runner.Do(Order{Command: []string{"/bin/true"}})
	require.NoError(t, err, "the next order is carried out all the same")
	require.Zero(t, runs[0].Status)
}
