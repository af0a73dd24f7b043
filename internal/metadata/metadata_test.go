package metadata

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// service is a metadata service that answers "body" to every request, unless a test's
// handler answers first.
type service struct {
	*httptest.Server
	requests atomic.Int64
	tokens   atomic.Int64
	connects atomic.Int64
	closed   atomic.Int64
}

func serve(t *testing.T, before func(w http.ResponseWriter, r *http.Request) (done bool)) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if before != nil && before(w, r) {
			return
		}
		if r.Method == http.MethodPut {
			s.tokens.Add(1)
			w.Header().Set(lifetimeHeader, r.Header.Get(lifetimeHeader))
			fmt.Fprintf(w, "token-%d", s.tokens.Load())
			return
		}
		if !strings.HasPrefix(r.Header.Get("X-Aws-Ec2-Metadata-Token"), "token-") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "body")
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.connects.Add(1)
		case http.StateClosed, http.StateHijacked:
			s.closed.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *service) client(t *testing.T) *Client {
	t.Helper()
	c, err := Connect(t.Context(), Options{Endpoint: s.URL})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestUserWithoutKeysCostsTwoRequestsOnOneConnection(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			return false
		}
		w.WriteHeader(http.StatusNotFound)
		return true
	})
	_, err := s.client(t).ActiveKeys(t.Context(), "alice")
	require.ErrorIs(t, err, ErrNotFound)
	require.EqualValues(t, 2, s.requests.Load())
	require.EqualValues(t, 1, s.connects.Load())
}

func TestNoFallbackToIMDSv1(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 405} {
		var gets atomic.Int64
		s := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPut {
				w.WriteHeader(status)
				return true
			}
			gets.Add(1)
			fmt.Fprint(w, "IMDSv1 answers anybody")
			return true
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := s.client(t).ActiveKeys(ctx, "alice")
		var failure *Error
		require.ErrorAs(t, err, &failure, "status %d", status)
		require.Equal(t, StageToken, failure.Stage)
		require.Zero(t, gets.Load())
	}
}

func TestEnvironmentDoesNotAffectRequests(t *testing.T) {
	trap := serve(t, func(http.ResponseWriter, *http.Request) bool {
		t.Error("a request was sent to the address in the environment")
		return false
	})
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY", "AWS_EC2_METADATA_SERVICE_ENDPOINT"} {
		t.Setenv(name, trap.URL)
	}
	config := filepath.Join(t.TempDir(), "config")
	text := "[default]\nec2_metadata_service_endpoint = " + trap.URL + "\nec2_metadata_v1_disabled = false\n"
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	t.Setenv("AWS_CONFIG_FILE", config)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_EC2_METADATA_V1_DISABLED", "false")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	t.Setenv("AWS_NEW_RETRIES_2026", "true")
	t.Setenv("AWS_EXECUTION_ENV", "from-the-environment")
	var gets atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		for name, values := range r.Header {
			if strings.Contains(strings.Join(values, ""), "from-the-environment") {
				t.Errorf("header %s has a value from the environment: %q", name, values)
			}
		}
		if r.Method == http.MethodPut || gets.Add(1) > 3 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	body, err := s.client(t).Region(t.Context())
	require.NoError(t, err)
	require.Equal(t, "body", string(body))
}

func TestUserNameCannotLeaveItsPath(t *testing.T) {
	s := serve(t, nil)
	for _, name := range []string{"../../iam/info", "a/../b", "a//b", "./a", "a/", ".."} {
		_, err := s.client(t).ActiveKeys(t.Context(), name)
		require.Error(t, err, name)
	}
	require.Zero(t, s.requests.Load())
}

func TestEmptyBodyIsAValidAnswer(t *testing.T) {
	s := serve(t, answer(func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) }))
	body, err := s.client(t).Region(t.Context())
	require.NoError(t, err)
	require.Equal(t, []byte{}, body)
}

// answer returns a handler that answers every request but the one for a token.
func answer(write func(w http.ResponseWriter)) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			return false
		}
		write(w)
		return true
	}
}

func TestInvalidAnswersAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		write  func(http.ResponseWriter)
		reason string
	}{
		"body is one byte too long": {func(w http.ResponseWriter) { fmt.Fprint(w, strings.Repeat("x", maxOther+1)) }, "longer than 4096 bytes"},
		"Content-Length is too large": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "2147483648")
			w.WriteHeader(http.StatusOK)
		}, "longer than 4096 bytes"},
		"Content-Encoding is gzip": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, "plain")
		}, `unexpected Content-Encoding "gzip"`},
		"status is 302": {func(w http.ResponseWriter) {
			w.Header().Set("Location", "http://attacker.example/")
			w.WriteHeader(http.StatusFound)
		}, "redirects are not followed"},
		"status is 206":        {func(w http.ResponseWriter) { w.WriteHeader(http.StatusPartialContent) }, "206"},
		"status is 204":        {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }, "204"},
		"status is 403":        {func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }, "403"},
		"status is always 503": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, "503"},
		"status is always 401": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) }, "401"},
		"header is too long": {func(w http.ResponseWriter) {
			w.Header().Set("X", strings.Repeat("x", 2*maxHeader))
		}, "headers exceeded 16384 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, answer(test.write))
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			body, err := s.client(t).Region(ctx)
			require.ErrorContains(t, err, test.reason)
			require.Nil(t, body)
			var failure *Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, StageRegion, failure.Stage)
		})
	}
}

// A new token replaces an expired one, once. If the service refuses the new token too,
// the request is not sent again.
func TestRefusedTokenIsReplacedOnce(t *testing.T) {
	s := serve(t, answer(func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) }))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := s.client(t).Region(ctx)
	require.ErrorContains(t, err, "401 Unauthorized, even to a new token")
	require.EqualValues(t, 2, s.tokens.Load())
	require.EqualValues(t, 4, s.requests.Load())
}

func TestTransientFaultsAreRetried(t *testing.T) {
	for name, fault := range map[string]func(http.ResponseWriter){
		"status 503": func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"connection reset": func(http.ResponseWriter) {
			panic(http.ErrAbortHandler)
		},
		"body cut short": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "4")
			fmt.Fprint(w, "bo")
		},
		"token expired": func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) },
	} {
		t.Run(name, func(t *testing.T) {
			var once sync.Once
			s := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
				failed := false
				if r.Method == http.MethodGet {
					once.Do(func() { failed = true })
				}
				if failed {
					fault(w)
				}
				return failed
			})
			body, err := s.client(t).Region(t.Context())
			require.NoError(t, err)
			require.Equal(t, "body", string(body))
			if name == "token expired" {
				require.EqualValues(t, 2, s.tokens.Load())
			} else {
				require.EqualValues(t, 1, s.tokens.Load())
			}
		})
	}
}

func TestDeadlineEndsEveryCall(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, answer(func(http.ResponseWriter) { <-release }))
	defer close(release)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, errors.New("the budget is spent"))
	defer cancel()
	start := time.Now()
	_, err := s.client(t).Region(ctx)
	require.Less(t, time.Since(start), 2*time.Second)
	require.EqualError(t, err, "asking the metadata service for region: the budget is spent; no complete answer came")
}

func TestInvalidTokenIsNotSent(t *testing.T) {
	for name, answer := range map[string]struct{ token, lifetime string }{
		"token with another header": {"a\r\nX-Evil: b", "300"},
		"token with a blank":        {"a b", "300"},
		"empty token":               {"", "300"},
		"no lifetime":               {"token", ""},
		"lifetime in words":         {"token", "five minutes"},
		"lifetime of 0":             {"token", "0"},
		"lifetime that overflows":   {"token", "99999999999999999999"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set(lifetimeHeader, answer.lifetime)
				fmt.Fprint(w, answer.token)
				return true
			})
			_, err := s.client(t).Region(t.Context())
			require.ErrorContains(t, err, "for token: the session token")
			require.EqualValues(t, 1, s.requests.Load())
		})
	}
}

func TestEndpoints(t *testing.T) {
	for text, want := range map[string]string{
		"http://127.0.0.1":         "127.0.0.1:80",
		"http://127.0.0.1/":        "127.0.0.1:80",
		"http://127.0.0.1:1338":    "127.0.0.1:1338",
		"http://[fd00:ec2::254]":   "[fd00:ec2::254]:80",
		"http://[::1]:8080":        "[::1]:8080",
		"https://127.0.0.1":        "",
		"http://localhost:80":      "",
		"http://attacker.example":  "",
		"http://127.0.0.1/latest":  "",
		"http://u:p@127.0.0.1":     "",
		"http://127.0.0.1?x":       "",
		"http://127.0.0.1#x":       "",
		"http://127.0.0.1:0":       "",
		"http://127.0.0.1:99999":   "",
		"http://0x7f000001":        "",
		"127.0.0.1":                "",
		"file:///etc/passwd":       "",
		"http://":                  "",
		"http://169.254.169.254\n": "",
	} {
		address, err := ParseEndpoint(text)
		if want == "" {
			require.ErrorContains(t, err, "expected http://ADDRESS[:PORT]", "%q", text)
			continue
		}
		require.NoError(t, err, "%q", text)
		require.Equal(t, want, address.String())
	}
}

// An instance without IPv4 reaches the metadata service at its IPv6 address only.
func TestSecondAddressIsTriedIfTheFirstRefuses(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	open, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer open.Close() //nolint:errcheck // nothing was sent

	endpoints := []endpoint{{"first", closed.Addr().String()}, {"second", open.Addr().String()}}
	chosen, conn, err := dialFirst(t.Context(), endpoints)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.Equal(t, "second", chosen.host)

	_, _, err = dialFirst(t.Context(), []endpoint{endpoints[0], endpoints[0]})
	require.ErrorContains(t, err, "refused; ")

	defaults, err := endpointsOf("")
	require.NoError(t, err)
	require.Equal(t, []endpoint{
		{"169.254.169.254", "169.254.169.254:80"},
		{"[fd00:ec2::254]", "[fd00:ec2::254]:80"},
	}, defaults)
}
