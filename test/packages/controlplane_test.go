//go:build packages

package packages

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
)

// controlPlane answers calls of S3, Systems Manager and Image Builder with the least that
// AWS's command line accepts. It shows that a command is complete, that its files exist,
// and which operation it calls. It does not show that AWS would accept the call.
type controlPlane struct {
	url   string
	mu    sync.Mutex
	calls []string
}

// answers are the responses to the calls on the pages, by X-Amz-Target or by method and path.
var answers = map[string]string{
	"AmazonSSM.CreateDocument":               `{"DocumentDescription": {}}`,
	"AmazonSSM.UpdateDocument":               `{"DocumentDescription": {}}`,
	"AmazonSSM.UpdateDocumentDefaultVersion": `{"Description": {}}`,
	"AmazonSSM.SendCommand":                  `{"Command": {"CommandId": "01234567-89ab-cdef-0123-456789abcdef"}}`,
	"AmazonSSM.CreateAssociation":            `{"AssociationDescription": {}}`,
	"AmazonSSM.UpdateAssociation":            `{"AssociationDescription": {}}`,
	"AmazonSSM.ListCommandInvocations":       `{"CommandInvocations": []}`,
	"PUT /CreateComponent":                   `{}`,
}

func startControlPlane(t *testing.T) *controlPlane {
	t.Helper()
	require.NoError(t, exec.Command(host.IP, "link", "set", "lo", "up").Run())
	c := &controlPlane{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *controlPlane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := r.Header.Get("X-Amz-Target")
	if call == "" {
		call = r.Method + " " + r.URL.Path
	}
	c.mu.Lock()
	c.calls = append(c.calls, call)
	c.mu.Unlock()
	answer, known := answers[call]
	switch {
	case known:
		_, _ = w.Write([]byte(answer)) // a client that hung up needs no answer
	case strings.HasPrefix(call, "PUT /BUCKET/"):
		w.Header().Set("ETag", `"0"`)
	default:
		http.Error(w, "unexpected call "+call, http.StatusBadRequest)
	}
}

// laptop returns a function that runs commands as on an administrator's laptop, in the
// source directory, with AWS's command line.
func (c *controlPlane) laptop(t *testing.T) func(commands string) {
	t.Helper()
	w := open(t, "tools")
	return func(commands string) {
		w.must("ln -sfn /src/build build; ln -sfn /src/packaging packaging; echo key > eic.gpg\n" +
			"ID=01234567-89ab-cdef-0123-456789abcdef KEY=mQGNBGc+/A== AWS_ENDPOINT_URL=" + c.url + "\n" +
			"export AWS_ENDPOINT_URL AWS_REQUEST_CHECKSUM_CALCULATION=when_required\n" + commands)
	}
}

// requireCalls requires that the page on fleets made every call that a fleet needs. Without
// this check, a page with no calls would pass too.
func (c *controlPlane) requireCalls(t *testing.T) {
	t.Helper()
	for call := range answers {
		if strings.HasPrefix(call, "AmazonSSM.") {
			require.Contains(t, c.calls, call)
		}
	}
	require.Contains(t, c.calls, "PUT /BUCKET/eic/manifest.json")
}
