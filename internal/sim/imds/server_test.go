package imds_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim/imds"
)

// keyring is an ActiveKeys with one document, for alice.
type keyring struct{}

func (keyring) Users() []string { return []string{"alice"} }

func (keyring) Document(user string) ([]byte, error) {
	if user != "alice" {
		return nil, nil
	}
	return []byte("alice's document\n"), nil
}

// start starts a service and returns it with its URL.
func start(t *testing.T, options imds.Options) (*imds.Server, string) {
	t.Helper()
	if options.Content.Values == nil {
		options.Content.Values = map[string][]byte{
			"instance-id":                       []byte("i-0123456789abcdef0"),
			"placement/region":                  []byte("us-east-1"),
			"placement/availability-zone":       []byte("us-east-1a"),
			"services/domain":                   []byte("amazonaws.com"),
			"managed-ssh-keys/signer-cert":      []byte("a chain"),
			"managed-ssh-keys/signer-ocsp":      []byte("AAAA\nBBBB"),
			"managed-ssh-keys/signer-ocsp/AAAA": []byte("a staple"),
		}
	}
	if options.Content.Keys == nil {
		options.Content.Keys = keyring{}
	}
	service := imds.New(options)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := service.HTTP()
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() {
		service.Close()
		_ = server.Close()
	})
	return service, "http://" + listener.Addr().String()
}

// client returns a client that neither follows redirects nor decompresses bodies.
func client(t *testing.T) *http.Client {
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ask sends a request and returns the answer's status, header and body.
func ask(t *testing.T, c *http.Client, method, url string, header ...string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(body)
}

const (
	ttlHeader   = "X-aws-ec2-metadata-token-ttl-seconds"
	tokenHeader = "X-aws-ec2-metadata-token"
)

func token(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	status, _, body := ask(t, c, http.MethodPut, url+"/latest/api/token", ttlHeader, "60")
	require.Equal(t, http.StatusOK, status)
	return body
}

func TestTokenRequests(t *testing.T) {
	_, url := start(t, imds.Options{})
	c := client(t)
	for _, try := range []struct {
		name   string
		method string
		header []string
		status int
	}{
		{"TTL of a minute", http.MethodPut, []string{ttlHeader, "60"}, 200},
		{"shortest TTL", http.MethodPut, []string{ttlHeader, "1"}, 200},
		{"longest TTL", http.MethodPut, []string{ttlHeader, "21600"}, 200},
		{"TTL above the maximum", http.MethodPut, []string{ttlHeader, "21601"}, 400},
		{"TTL of zero", http.MethodPut, []string{ttlHeader, "0"}, 400},
		{"negative TTL", http.MethodPut, []string{ttlHeader, "-1"}, 400},
		{"TTL is not a number", http.MethodPut, []string{ttlHeader, "1h"}, 400},
		{"no TTL header", http.MethodPut, nil, 400},
		{"through a proxy", http.MethodPut, []string{ttlHeader, "60", "X-Forwarded-For", "192.0.2.1"}, 403},
		{"GET", http.MethodGet, []string{ttlHeader, "60"}, 405},
		{"POST", http.MethodPost, []string{ttlHeader, "60"}, 405},
	} {
		t.Run(try.name, func(t *testing.T) {
			status, header, body := ask(t, c, try.method, url+"/latest/api/token", try.header...)
			require.Equal(t, try.status, status)
			if status == http.StatusOK {
				require.Equal(t, try.header[1], header.Get(ttlHeader))
				require.GreaterOrEqual(t, len(body), 40)
			}
		})
	}
}

func TestMetadataNeedsAValidToken(t *testing.T) {
	_, url := start(t, imds.Options{})
	c := client(t)
	path := url + "/latest/meta-data/instance-id"
	for name, header := range map[string][]string{
		"no token":                      nil,
		"empty token":                   {tokenHeader, ""},
		"unknown token":                 {tokenHeader, "AQAAAInventedInventedInventedInventedInvented"},
		"TTL header instead of a token": {ttlHeader, "60"},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, _ := ask(t, c, http.MethodGet, path, header...)
			require.Equal(t, http.StatusUnauthorized, status)
		})
	}
	_, _, short := ask(t, c, http.MethodPut, url+"/latest/api/token", ttlHeader, "1")
	status, _, _ := ask(t, c, http.MethodGet, path, tokenHeader, short)
	require.Equal(t, http.StatusOK, status)
	require.Eventually(t, func() bool {
		status, _, _ := ask(t, c, http.MethodGet, path, tokenHeader, short)
		return status == http.StatusUnauthorized
	}, 5*time.Second, 50*time.Millisecond, "the token is still valid after its TTL")
}

func TestMetadataTree(t *testing.T) {
	_, url := start(t, imds.Options{})
	c := client(t)
	live := token(t, c, url)
	for _, try := range []struct {
		path   string
		status int
		body   string
	}{
		{"/", 200, "latest"},
		{"/latest/", 200, "api/\nmeta-data/"},
		{"/latest/meta-data", 200, "instance-id\nmanaged-ssh-keys/\nplacement/\nservices/"},
		{"/latest/meta-data/", 200, "instance-id\nmanaged-ssh-keys/\nplacement/\nservices/"},
		{"/latest/meta-data/instance-id", 200, "i-0123456789abcdef0"},
		{"/latest/meta-data/placement/", 200, "availability-zone\nregion"},
		{"/latest/meta-data/managed-ssh-keys/", 200, "active-keys/\nsigner-cert\nsigner-ocsp/"},
		{"/latest/meta-data/managed-ssh-keys/active-keys/", 200, "alice"},
		{"/latest/meta-data/managed-ssh-keys/active-keys/alice", 200, "alice's document\n"},
		{"/latest/meta-data/managed-ssh-keys/active-keys/alice/", 200, "alice's document\n"},
		{"/latest/meta-data/managed-ssh-keys/signer-ocsp", 200, "AAAA\nBBBB"},
		{"/latest/meta-data/managed-ssh-keys/signer-ocsp/", 200, "AAAA\nBBBB"},
		{"/latest/meta-data/managed-ssh-keys/signer-ocsp/AAAA", 200, "a staple"},
		{"/latest/meta-data/managed-ssh-keys/signer-ocsp/BBBB", 404, ""},
		{"/latest/meta-data/managed-ssh-keys/active-keys/bob", 404, ""},
		{"/latest/meta-data/managed-ssh-keys/active-keys/alice%2f..%2fbob", 404, ""},
		{"/latest/meta-data/instance-identity", 404, ""},
		{"/latest/meta-datainstance-id", 404, ""},
		{"/latest/user-data", 404, ""},
	} {
		t.Run(try.path, func(t *testing.T) {
			status, header, body := ask(t, c, http.MethodGet, url+try.path, tokenHeader, live)
			require.Equal(t, try.status, status)
			require.Equal(t, "EC2ws", header.Get("Server"))
			require.NotEmpty(t, header.Get("Date"))
			if status == http.StatusOK {
				require.Equal(t, try.body, body)
				require.Equal(t, "text/plain", header.Get("Content-Type"))
			}
		})
	}
	for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodDelete} {
		status, _, _ := ask(t, c, method, url+"/latest/meta-data/instance-id", tokenHeader, live)
		require.Equal(t, http.StatusMethodNotAllowed, status)
	}
}

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestRequestsAndConnectionsAreCountedAndLogged(t *testing.T) {
	var log lockedBuffer
	service, url := start(t, imds.Options{Log: &log})
	c := client(t)
	live := token(t, c, url)
	ask(t, c, http.MethodGet, url+"/latest/meta-data/managed-ssh-keys/active-keys/bob", tokenHeader, live)
	ask(t, client(t), http.MethodGet, url+"/latest/meta-data/services/domain", tokenHeader, live)

	stats := service.Stats()
	require.Equal(t, map[imds.Stage]int{imds.StageToken: 1, imds.StageActiveKeys: 1, imds.StageDomain: 1}, stats.Requests)
	require.Equal(t, 1, stats.Paths["GET /latest/meta-data/managed-ssh-keys/active-keys/bob"])
	require.Equal(t, 3, stats.Total())
	require.Equal(t, 2, stats.Connections)

	require.Eventually(t, func() bool { return strings.Count(log.String(), "\n") == 3 }, 5*time.Second, time.Millisecond)
	var statuses, connections []int
	for line := range strings.Lines(log.String()) {
		var record struct {
			Time               time.Time
			Method, Path       string
			Status, Connection int
		}
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		require.WithinDuration(t, time.Now(), record.Time, time.Minute)
		statuses = append(statuses, record.Status)
		connections = append(connections, record.Connection)
	}
	require.Equal(t, []int{200, 404, 200}, statuses)
	require.Equal(t, []int{1, 1, 2}, connections)

	service.ResetStats()
	require.Zero(t, service.Stats().Total())
}

func TestEveryAnswerWaitsForTheDelay(t *testing.T) {
	_, url := start(t, imds.Options{Delay: 30 * time.Millisecond})
	begin := time.Now()
	token(t, client(t), url)
	require.GreaterOrEqual(t, time.Since(begin), 30*time.Millisecond)
}

func TestThrottledShareDependsOnlyOnTheSeed(t *testing.T) {
	sequence := func(seed uint64) (refused string) {
		_, url := start(t, imds.Options{Throttle: 0.3, Seed: seed})
		c := client(t)
		for range 200 {
			status, _, _ := ask(t, c, http.MethodPut, url+"/latest/api/token", ttlHeader, "60")
			refused += map[int]string{200: ".", 503: "x"}[status]
		}
		return refused
	}
	one := sequence(1)
	require.InDelta(t, 60, strings.Count(one, "x"), 25)
	require.Len(t, one, 200)
	require.Equal(t, one, sequence(1))
	require.NotEqual(t, one, sequence(2))
}
