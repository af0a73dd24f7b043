package explain

import (
	"context"
	"io"
	"log"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/evidence"
	"eic/internal/lookup"
	"eic/internal/metadata"
	"eic/internal/sim"
	"eic/internal/sim/ca"
)

const (
	aliceKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOy89h7QX3Q1jvRWAzMkqQhb4bT4vdg1BfSVDp4gCJkR alice@laptop"
	program  = "eic 1.2.3"
)

// net/http logs the simulator's faults to the standard logger.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	os.Exit(m.Run())
}

// nitro returns the identity files of a Nitro instance with the simulator's id.
func nitro() fstest.MapFS {
	return fstest.MapFS{"sys/devices/virtual/dmi/id/board_asset_tag": {Data: []byte(sim.DefaultInstanceID + "\n")}}
}

// xen returns the identity files of a Xen instance, which do not have its id.
func xen() fstest.MapFS {
	return fstest.MapFS{"sys/hypervisor/uuid": {Data: []byte("ec2e1916-9099-7caf-fd21-012345abcdef\n")}}
}

// keyPairs are shared, because generating them takes most of the time.
var keyPairs = new(ca.Keys)

// world is a simulated metadata service with a key pushed for alice, and an instance.
type world struct {
	*sim.Sim
	source lookup.Source
	record evidence.Record
}

func newWorld(t *testing.T, root fstest.MapFS, faults ...string) world {
	t.Helper()
	s, err := sim.Start(sim.Options{Keys: keyPairs, Faults: faults})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	_, err = s.Push("alice", aliceKey)
	require.NoError(t, err)
	record := evidence.Record{
		Program: program,
		Anchors: evidence.Anchors{Setting: "/etc/anchors.pem", Kept: s.Roots},
		Options: lookup.Options{User: "alice"},
	}
	record.Options.Anchors = record.AnchorsFor
	return world{s, lookup.Source{Root: root, Metadata: metadata.Options{Endpoint: s.IMDS[0]}}, record}
}

// ask returns the Explanation of a live lookup, and its Record.
func (w world) ask(t *testing.T, budget time.Duration) (Explanation, evidence.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), budget)
	defer cancel()
	record, verdict, err := Ask(ctx, w.source, w.record, time.Now())
	return New(program, record, verdict, err), record
}

// verifiedAgain returns the Explanation of evidence that was saved and loaded.
func verifiedAgain(t *testing.T, r evidence.Record) Explanation {
	t.Helper()
	name := filepath.Join(t.TempDir(), "evidence")
	directory, err := evidence.Create(name)
	require.NoError(t, err)
	defer directory.Close()
	_, err = directory.Save(r)
	require.NoError(t, err)
	loaded, _, err := evidence.Load(name)
	require.NoError(t, err)
	loaded.Options.Anchors = loaded.AnchorsFor
	verdict, err := loaded.Decide()
	return New(program, loaded, verdict, err)
}
