package sim_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
)

const (
	user      = "alice"
	pushedKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChAAXZQzNd7iBHGq/mVQ6rMfnnBTBhRgxrAdu8ZD alice@laptop"
)

// start starts a simulator and pushes pushedKey for user.
func start(t *testing.T, options sim.Options) *sim.Sim {
	t.Helper()
	s, err := sim.Start(options)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	_, err = s.Push(user, pushedKey)
	require.NoError(t, err)
	return s
}

// reader reads the metadata of a simulator with one token.
type reader struct {
	url, token string
}

func newReader(t *testing.T, s *sim.Sim) reader {
	t.Helper()
	r := reader{url: s.IMDS[0]}
	status, token := r.ask(t, http.MethodPut, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "300")
	require.Equal(t, http.StatusOK, status)
	r.token = token
	return r
}

// get fetches a path below /latest/meta-data/.
func (r reader) get(t *testing.T, path string) (int, string) {
	t.Helper()
	return r.ask(t, http.MethodGet, "/latest/meta-data/"+path, "X-aws-ec2-metadata-token", r.token)
}

// found is get for a path that must exist.
func (r reader) found(t *testing.T, path string) string {
	t.Helper()
	status, body := r.get(t, path)
	require.Equal(t, http.StatusOK, status, path)
	return body
}

func (r reader) ask(t *testing.T, method, path, name, value string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, nil)
	require.NoError(t, err)
	req.Header.Set(name, value)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func (r reader) document(t *testing.T) string {
	t.Helper()
	return r.found(t, "managed-ssh-keys/active-keys/"+user)
}

func (r reader) chain(t *testing.T) string {
	t.Helper()
	return r.found(t, "managed-ssh-keys/signer-cert")
}

// staple is one name of the list and its body.
type staple struct {
	name, text string
	status     int
}

func (r reader) staples(t *testing.T) []staple {
	t.Helper()
	var staples []staple
	for name := range strings.FieldsSeq(r.found(t, "managed-ssh-keys/signer-ocsp")) {
		s := staple{name: name}
		s.status, s.text = r.get(t, "managed-ssh-keys/signer-ocsp/"+name)
		staples = append(staples, s)
	}
	return staples
}

// contentFaults returns the faults in what the service serves, apart from those of the
// service as a whole.
func contentFaults() []sim.Fault {
	var faults []sim.Fault
	for _, f := range sim.Faults() {
		if !f.Transport && !strings.HasPrefix(f.Name, "imds=") {
			faults = append(faults, f)
		}
	}
	return faults
}
