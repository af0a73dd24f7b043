package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// OpenSSH up to 7.4 reads up to the offered key, and then waits for the command to end. A pipe
// holds 64 KiB.
func TestOutputThatSSHDDoesNotReadDelaysNothing(t *testing.T) {
	keys := bytes.Repeat([]byte("ssh-ed25519 AAAA\n"), 20_000)
	for name, budget := range map[string]time.Duration{"within the budget": 1500 * time.Millisecond, "when the budget is spent": -time.Second} {
		t.Run(name, func(t *testing.T) {
			reader, writer, err := os.Pipe()
			require.NoError(t, err)
			defer reader.Close() //nolint:errcheck // closing ends the pending write
			ctx, cancel := context.WithTimeout(t.Context(), budget)
			defer cancel()
			first := make([]byte, 100)
			go func() { _, _ = io.ReadFull(reader, first) }()
			begin := time.Now()
			require.NoError(t, writeKeys(ctx, writer, keys))
			require.Less(t, time.Since(begin), 10*time.Second)
		})
	}
}

func TestSSHDGetsEveryKeyAfterTheBudget(t *testing.T) {
	keys := bytes.Repeat([]byte("ssh-ed25519 AAAA\n"), 20_000)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the lookup has spent the budget
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	read := make(chan []byte, 1)
	go func() {
		text, _ := io.ReadAll(reader) // only what was read counts
		read <- text
	}()
	require.NoError(t, writeKeys(ctx, writer, keys))
	require.NoError(t, writer.Close())
	require.Equal(t, keys, <-read)
}
