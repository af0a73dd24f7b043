package doctor

import (
	"context"
	"crypto/ed25519"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"eic/internal/evidence"
	"eic/internal/explain"
	"eic/internal/lookup"
	"eic/internal/metadata"
	"eic/internal/sim"
	"eic/internal/trust"
)

var update = flag.Bool("update", false, "replace the recorded login")

func TestRecordedLoginGetsTheKnownAnswer(t *testing.T) {
	if *update {
		record(t)
		t.Skip("the recording was replaced; the next run embeds and checks it")
	}
	require.NoError(t, selfTest(verifyAsInALogin))
}

// record makes the recording with a simulator. It leaves out staples without which the key
// is still accepted, such as the trust anchor's: the self-test alters each staple and
// expects no key.
func record(t *testing.T) {
	s, err := sim.Start(sim.Options{})
	require.NoError(t, err)
	defer s.Close()
	public, _, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	key, err := ssh.NewPublicKey(public)
	require.NoError(t, err)
	line := ssh.MarshalAuthorizedKey(key)
	_, err = s.Push("root", string(line[:len(line)-1]))
	require.NoError(t, err)

	r := evidence.Record{
		Program: "eic doctor's recording",
		Anchors: evidence.Anchors{Setting: "the recording's own", Kept: s.Roots},
		Options: lookup.Options{User: "root"},
	}
	r.Options.Anchors = r.AnchorsFor
	source := lookup.Source{
		Root:     fstest.MapFS{"sys/devices/virtual/dmi/id/board_asset_tag": {Data: []byte(sim.DefaultInstanceID + "\n")}},
		Metadata: metadata.Options{Endpoint: s.IMDS[0]},
	}
	r, _, err = explain.Ask(context.Background(), source, r, time.Now())
	require.NoError(t, err)
	r.Requests = nil
	all := r
	r.Evidence.Signer.Staples = slices.DeleteFunc(slices.Clone(all.Evidence.Signer.Staples), func(staple trust.Staple) bool {
		without := all
		without.Evidence.Signer.Staples = slices.DeleteFunc(slices.Clone(all.Evidence.Signer.Staples),
			func(other trust.Staple) bool { return other.Name == staple.Name })
		keys, _ := verifyAsInALogin(without)
		return len(keys) == 1
	})
	require.NoError(t, os.RemoveAll(recordedEvidence))
	directory, err := evidence.Create(recordedEvidence)
	require.NoError(t, err)
	defer directory.Close()
	_, err = directory.Save(r)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.FromSlash(recordedAnswer), line, 0o644))
}

// The self-test must fail for a verifier that accepts, refuses or prints the wrong thing.
func TestSelfTestDetectsWrongVerifiers(t *testing.T) {
	good, answer, err := recordedLogin()
	require.NoError(t, err)
	const refused = "the recorded login was refused: "
	for want, wrong := range map[string]verifier{
		"a key was accepted with its request id changed": func(evidence.Record) ([][]byte, error) { return [][]byte{answer}, nil },
		`the recorded login got "", expected `:           func(evidence.Record) ([][]byte, error) { return nil, nil },
		`the recorded login got "another", expected `:    func(evidence.Record) ([][]byte, error) { return [][]byte{[]byte("another")}, nil },
		refused + "out of order":                         func(evidence.Record) ([][]byte, error) { return nil, errors.New("out of order") },
	} {
		require.ErrorContains(t, selfTest(wrong), want)
	}
	copies, err := alteredCopies(good)
	require.NoError(t, err)
	require.Greater(t, len(copies), 4, "expected a copy with each staple altered")
	for _, c := range copies {
		acceptsThis := func(r evidence.Record) ([][]byte, error) {
			if equal(r, c.record) {
				return [][]byte{answer}, nil
			}
			return verifyAsInALogin(r)
		}
		require.EqualError(t, selfTest(acceptsThis), "a key was accepted with "+c.what)
	}
}

func equal(a, b evidence.Record) bool {
	x, y := a.Evidence, b.Evidence
	same := x.Time.Equal(y.Time) && x.Instance == y.Instance &&
		string(x.ActiveKeys) == string(y.ActiveKeys) && string(x.Signer.Chain) == string(y.Signer.Chain)
	for i := range x.Signer.Staples {
		same = same && string(x.Signer.Staples[i].Body) == string(y.Signer.Staples[i].Body)
	}
	return same
}
