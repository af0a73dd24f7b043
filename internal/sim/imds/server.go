// Package imds simulates the instance metadata service, version 2: session tokens, and
// the part of the tree that EC2 Instance Connect needs.
//
// The service can be slow, throttle a share of its requests, and distort any answer in a
// given way. It knows nothing about keys and certificates: it serves the bytes that it is
// given. Version 1, which needs no token, exists only as a fault.
package imds

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how the service behaves. The zero value is a service without faults and
// without content.
type Options struct {
	Content Content
	// Delay is the time before each answer.
	Delay time.Duration
	// Throttle is the share of requests, from 0 to 1, that are answered 503. A random
	// sequence that starts at Seed selects them.
	Throttle float64
	Seed     uint64
	// Log, if not nil, receives one line of JSON for every request.
	Log io.Writer
	// Faults are the answers to distort.
	Faults Faults
}

// Server is the service. It implements http.Handler. Serve it with HTTP, which numbers
// connections.
type Server struct {
	options Options
	tokens  tokens
	ledger  ledger
	once    onceOnly

	connections atomic.Int64

	// base ends when the service is closed, which ends answers that hang.
	base context.Context
	stop context.CancelFunc

	random   *rand.Rand
	randomMu sync.Mutex
}

// New returns a service that behaves as the options say.
func New(options Options) *Server {
	s := &Server{
		options: options,
		ledger:  ledger{log: options.Log},
		random:  rand.New(rand.NewPCG(options.Seed, options.Seed)),
	}
	s.base, s.stop = context.WithCancel(context.Background())
	return s
}

// Close ends the answers that would not end by themselves.
func (s *Server) Close() { s.stop() }

// Stats returns the counts since the start, or since the last ResetStats.
func (s *Server) Stats() Stats { return s.ledger.snapshot() }

// ResetStats sets the counts to zero.
func (s *Server) ResetStats() { s.ledger.reset() }

type connectionKey struct{}

// HTTP returns an HTTP server for one listener.
func (s *Server) HTTP() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return s.base },
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, s.connections.Add(1))
		},
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	connection, _ := r.Context().Value(connectionKey{}).(int64)
	rec := record{
		Time: time.Now().UTC(), Method: r.Method, Path: r.URL.Path,
		Stage: stageOf(r), Connection: connection,
	}
	s.ledger.begin(rec.Stage, r.Method+" "+r.URL.Path, connection)
	if !pause(r.Context(), s.options.Delay) {
		return
	}
	if s.throttled() {
		rec.Status = failure(http.StatusServiceUnavailable).write(w)
	} else {
		rec.Status = s.respond(w, r, rec.Stage)
	}
	s.ledger.end(rec)
}

// throttled decides at random whether the next request is throttled.
func (s *Server) throttled() bool {
	if s.options.Throttle == 0 {
		return false
	}
	s.randomMu.Lock()
	defer s.randomMu.Unlock()
	return s.random.Float64() < s.options.Throttle
}

// answer returns the answer without a fault.
func (s *Server) answer(r *http.Request) answer {
	if r.URL.Path == tokenPath {
		if r.Method != http.MethodPut {
			return failure(http.StatusMethodNotAllowed)
		}
		return s.tokens.issue(r)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return failure(http.StatusMethodNotAllowed)
	}
	if !s.tokens.valid(r.Header.Get(tokenHeader)) && !s.options.Faults.NoTokens {
		return failure(http.StatusUnauthorized)
	}
	return s.options.Content.lookup(r.URL.Path)
}

// pause waits. It returns false if the client left meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
