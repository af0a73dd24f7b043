package trial

import (
	"crypto"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim/ca"
	"eic/internal/sim/document"
	"eic/internal/sim/imds"
)

// Values of a World, and paths below /latest/meta-data/.
const (
	User     = "alice"
	Key      = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOy89h7QX3Q1jvRWAzMkqQhb4bT4vdg1BfSVDp4gCJkR alice@laptop"
	Instance = "i-0123456789abcdef0"
	Region   = "us-east-1"
	Domain   = "amazonaws.com"

	InstancePath = "instance-id"
	RegionPath   = "placement/region"
	ZonePath     = "placement/availability-zone"
	DomainPath   = "services/domain"
	ChainPath    = "managed-ssh-keys/signer-cert"
	StaplesPath  = "managed-ssh-keys/signer-ocsp"
)

// World has the contents of a metadata service. A test changes it before it is served.
type World struct {
	// Values are the answers by path, and Documents the active-keys documents
	// by user.
	Values    map[string][]byte
	Documents map[string][]byte
	// Roots is PEM text with the program's trust anchors.
	Roots []byte
	// Signer is the key that signs documents.
	Signer crypto.Signer
	// Options are the metadata service's; their content is filled in.
	Options imds.Options
	// Before, if set, may answer a request instead of the service, and reports whether it
	// did.
	Before func(http.ResponseWriter, *http.Request) bool
}

// NewWorld returns a world without faults, in which Key was pushed for User and is valid for a
// minute.
func NewWorld(t *testing.T, keys *ca.Keys) *World {
	t.Helper()
	pki, err := ca.Good(ca.SignerName(Region, Domain), time.Now()).Build(keys)
	require.NoError(t, err)
	anchors, err := keys.Anchors()
	require.NoError(t, err)
	w := &World{
		Values: map[string][]byte{
			InstancePath: []byte(Instance), RegionPath: []byte(Region), ZonePath: []byte(Region + "a"),
			DomainPath: []byte(Domain), ChainPath: pki.Chain, StaplesPath: pki.Listing,
		},
		Roots:  anchors.PEM(),
		Signer: pki.SignerKey,
	}
	for name, text := range pki.Staples {
		w.Values[StaplesPath+"/"+name] = text
	}
	w.Documents = map[string][]byte{User: w.Document(t, Key)}
	return w
}

// Document returns a document with a valid block for each key.
func (w *World) Document(t *testing.T, keys ...string) []byte {
	t.Helper()
	var entries []document.Entry
	for _, key := range keys {
		entries = append(entries, document.NewEntry(time.Now().Add(time.Hour), Instance,
			"arn:aws:iam::123456789012:user/alice", "f2e7c3d9-ef92-4b1a-8e50-823e4a3ba085", key))
	}
	text, err := document.NewWriter(document.Form{}, w.Signer).Document(entries)
	require.NoError(t, err)
	return text
}

// Served is a World that is being served.
type Served struct {
	*imds.Server
	// Flags make "eic authorized-keys" use the served world and log to standard error.
	Flags []string
}

// Serve serves the world until the test ends.
func (w *World) Serve(t *testing.T) Served {
	t.Helper()
	options := w.Options
	options.Content = imds.Content{Values: w.Values, Keys: documents(w.Documents)}
	service := imds.New(options)
	server := httptest.NewUnstartedServer(service)
	server.Config = service.HTTP()
	server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.Before == nil || !w.Before(rw, r) {
			service.ServeHTTP(rw, r)
		}
	})
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(service.Close)
	anchors := filepath.Join(t.TempDir(), "anchors.pem")
	require.NoError(t, os.WriteFile(anchors, w.Roots, 0o644))
	return Served{service, []string{
		"authorized-keys", "--log=stderr", "--imds-endpoint=" + server.URL, "--no-instance-check", "--trust-anchors=" + anchors,
	}}
}

// Command returns the command that looks up the keys of User, with additional flags.
func (s Served) Command(flags ...string) *exec.Cmd {
	return exec.Command(program(), s.Arguments(flags...)...)
}

// Arguments returns the arguments of Command.
func (s Served) Arguments(flags ...string) []string {
	args := append([]string(nil), s.Flags...)
	return append(append(args, flags...), User)
}

// documents are the active keys of a World.
type documents map[string][]byte

func (d documents) Users() []string {
	var users []string
	for user := range d {
		users = append(users, user)
	}
	return users
}

func (d documents) Document(user string) ([]byte, error) { return d[user], nil }
