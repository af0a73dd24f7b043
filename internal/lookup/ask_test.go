package lookup_test

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/authorize"
	"eic/internal/lookup"
	"eic/internal/metadata"
	"eic/internal/sim"
	"eic/internal/trust"
)

const pushedKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOy89h7QX3Q1jvRWAzMkqQhb4bT4vdg1BfSVDp4gCJkR alice@laptop"

// through returns a function that asks a simulator through a proxy. The simulator's start
// does not count against the context's deadline.
func through(t *testing.T, options sim.Options, observe func(metadata.Exchange),
	before func(w http.ResponseWriter, r *http.Request, service http.Handler)) func(context.Context) (lookup.Answer, error) {
	t.Helper()
	s, err := sim.Start(options)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	_, err = s.Push("alice", pushedKey)
	require.NoError(t, err)
	anchors, err := trust.ParseAnchors(s.Roots)
	require.NoError(t, err)
	address, err := url.Parse(s.IMDS[0])
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(address) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { before(w, r, proxy) }))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	source := lookup.Source{Root: fstest.MapFS{}, AnyMachine: true, Metadata: metadata.Options{Endpoint: server.URL, Observe: observe}}
	lookupOptions := lookup.Options{User: "alice", Anchors: func(string) (*x509.CertPool, error) { return anchors, nil }}
	return func(ctx context.Context) (lookup.Answer, error) {
		return lookup.Ask(ctx, source, lookupOptions, time.Now())
	}
}

func requirePrinted(t *testing.T, r lookup.Answer, err error) {
	t.Helper()
	require.NoError(t, err)
	require.Len(t, r.Result.Decisions, 1)
	require.Equal(t, pushedKey, string(r.Result.Decisions[0].Line()))
}

// listFailingStaple returns a handler for through. It lists one more staple, and lets fail
// answer the request for it.
func listFailingStaple(fail http.HandlerFunc) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, service http.Handler) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/ABCDEF"):
			fail(w, r)
		case strings.HasSuffix(r.URL.Path, "signer-ocsp"):
			_, _ = w.Write([]byte("ABCDEF\n")) // fails only if the client has gone
			service.ServeHTTP(w, r)
		default:
			service.ServeHTTP(w, r)
		}
	}
}

// A listed staple that cannot be fetched must not hide the good ones.
func TestStapleThatCannotBeFetchedDoesNotHideTheOthers(t *testing.T) {
	for name, fail := range map[string]func(http.ResponseWriter, *http.Request){
		"request is never answered": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"answer is status 500":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	} {
		t.Run(name, func(t *testing.T) {
			ask := through(t, sim.Options{}, nil, listFailingStaple(fail))
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			r, err := ask(ctx)
			requirePrinted(t, r, err)
		})
	}
}

// The administrator must learn that the signer is revoked, and not that some staple could
// not be fetched.
func TestStapleThatCannotBeFetchedDoesNotHideARevocation(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	ask := through(t, sim.Options{Faults: []string{"ocsp=revoked"}}, nil, listFailingStaple(hang))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := ask(ctx)
	require.ErrorIs(t, err, trust.ErrRevoked)
	require.ErrorIs(t, err, lookup.ErrUntrusted)
}

// Fetching the evidence may take so long that a key expires meanwhile.
func TestKeyThatExpiresWhileStaplesAreFetched(t *testing.T) {
	ask := through(t, sim.Options{TTL: 2 * time.Second}, nil, func(w http.ResponseWriter, r *http.Request, service http.Handler) {
		if strings.Contains(r.URL.Path, "signer-ocsp") { // the list, and then each staple
			time.Sleep(1600 * time.Millisecond)
		}
		service.ServeHTTP(w, r)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := ask(ctx)
	require.NoError(t, err)
	require.Len(t, r.Result.Decisions, 1)
	require.Equal(t, authorize.Expired, r.Result.Decisions[0].Reason)
}

// If the context ends right after the last answer, the result is either complete or the
// context's error.
func TestContextThatEndsAfterTheLastAnswer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var staples atomic.Int32
	observe := func(x metadata.Exchange) {
		switch x.Stage {
		case metadata.StageStaple:
			staples.Add(1)
		case metadata.StageSigner:
			cancel()
		}
	}
	ask := through(t, sim.Options{}, observe, func(w http.ResponseWriter, r *http.Request, service http.Handler) {
		for strings.HasSuffix(r.URL.Path, "signer-cert") && staples.Load() < 3 {
			time.Sleep(time.Millisecond)
		}
		service.ServeHTTP(w, r)
	})
	r, err := ask(ctx)
	if err == nil {
		requirePrinted(t, r, err)
	} else {
		require.ErrorIs(t, err, context.Canceled)
	}
}
