package imds

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	hugeSize     = 2 << 30
	longLineSize = 8 << 20
	noiseSize    = 4000

	// redirectedPath answers a redirected request normally, so that a client that follows
	// redirects can be noticed.
	redirectedPath = "/redirected"
)

// Faults say which answers are distorted.
type Faults struct {
	// Stages are the stages to distort, with the kind of distortion.
	Stages map[Stage]Kind
	// Disabled answers every request with 403, like an instance whose metadata service is
	// turned off.
	Disabled bool
	// NoTokens makes the service one of version 1: it issues no tokens and requires none.
	NoTokens bool
	// ThrottledOnce answers the first request of every stage with 503.
	ThrottledOnce bool
}

// onceOnly remembers which stages have had their one fault. The zero value is ready.
type onceOnly struct {
	mu   sync.Mutex
	done map[Stage]bool
}

// first reports whether this is its first call for a stage.
func (o *onceOnly) first(stage Stage) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done == nil {
		o.done = make(map[Stage]bool)
	}
	seen := o.done[stage]
	o.done[stage] = true
	return !seen
}

// respond answers a request, distorted if its stage is to be. It returns the status that
// was sent, or 0 if no complete answer was sent.
func (s *Server) respond(w http.ResponseWriter, r *http.Request, stage Stage) int {
	faults := s.options.Faults
	switch {
	case faults.Disabled:
		return failure(http.StatusForbidden).write(w)
	case faults.NoTokens && stage == StageToken:
		return failure(http.StatusNotFound).write(w)
	case faults.ThrottledOnce && s.once.first(stage):
		return failure(http.StatusServiceUnavailable).write(w)
	}
	if path, ok := strings.CutPrefix(r.URL.Path, redirectedPath); ok {
		r = r.Clone(r.Context())
		r.URL.Path = path
		return s.answer(r).write(w)
	}
	kind, ok := faults.Stages[stage]
	if !ok {
		return s.answer(r).write(w)
	}
	return s.distort(kind, w, r, stage)
}

// distort answers a request with a fault.
func (s *Server) distort(kind Kind, w http.ResponseWriter, r *http.Request, stage Stage) int {
	switch kind {
	case Status500, Status503, Status403, Status404:
		status, _ := strconv.Atoi(string(kind))
		return failure(status).write(w)
	case Once503:
		if s.once.first(stage) {
			return failure(http.StatusServiceUnavailable).write(w)
		}
	case Once401:
		if s.once.first(stage) {
			s.tokens.invalidate()
		}
	case ResetOnce:
		if s.once.first(stage) {
			return reset(w)
		}
	case Reset:
		return reset(w)
	case Hang:
		<-r.Context().Done()
		return 0
	case Redirect:
		return redirected(r).write(w)
	case Huge:
		return flood(w, hugeSize)
	case LongLine:
		return flood(w, longLineSize)
	case Noise:
		return found(noise(s.options.Seed)).write(w)
	}
	return s.answer(r).distort(kind, w, r)
}

// distort sends the correct answer with a fault.
func (a answer) distort(kind Kind, w http.ResponseWriter, r *http.Request) int {
	switch kind {
	case Gzip:
		if a.header == nil {
			a.header = make(http.Header)
		}
		a.header.Set("Content-Encoding", "gzip")
	case Truncated:
		return a.raw(r.Context(), w, len(a.body), a.body[:len(a.body)/2], 0)
	case WrongLength:
		return a.raw(r.Context(), w, len(a.body)/2, a.body, 0)
	case Drip:
		return a.raw(r.Context(), w, len(a.body), a.body, time.Second)
	}
	return a.write(w)
}

func redirected(r *http.Request) answer {
	a := failure(http.StatusFound)
	a.header.Set("Location", "http://"+r.Host+redirectedPath+r.URL.Path)
	return a
}

// flood sends size bytes without a line end.
func flood(w http.ResponseWriter, size int) int {
	found(nil).headers(w.Header())
	w.Header().Set("Content-Length", strconv.Itoa(size))
	chunk := []byte(strings.Repeat("A", 64<<10))
	for ; size > 0; size -= len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			return 0
		}
	}
	return http.StatusOK
}

// noise returns meaningless bytes, the same ones for the same seed.
func noise(seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, ^seed))
	out := make([]byte, noiseSize)
	for i := range out {
		out[i] = byte(random.Uint32())
	}
	return out
}

// reset resets the connection.
func reset(w http.ResponseWriter) int {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return 0
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the client sees an orderly end, also a fault
	}
	_ = conn.Close()
	return 0
}

// raw sends a body without the checks of net/http, with a pause of gap between its bytes,
// and closes the connection.
func (a answer) raw(ctx context.Context, w http.ResponseWriter, length int, body []byte, gap time.Duration) int {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return 0
	}
	defer func() { _ = conn.Close() }()
	header := make(http.Header)
	a.headers(header)
	header.Set("Content-Length", strconv.Itoa(length))
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	fmt.Fprintf(buffered, "HTTP/1.1 %d %s\r\n", a.status, http.StatusText(a.status))
	if err := header.Write(buffered); err != nil {
		return 0
	}
	fmt.Fprint(buffered, "\r\n")
	if send(ctx, buffered, body, gap) != nil {
		return 0
	}
	return a.status
}

func send(ctx context.Context, out *bufio.ReadWriter, body []byte, gap time.Duration) error {
	if gap == 0 {
		if _, err := out.Write(body); err != nil {
			return err
		}
		return out.Flush()
	}
	for _, octet := range body {
		if err := out.WriteByte(octet); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
		if !pause(ctx, gap) {
			return ctx.Err()
		}
	}
	return nil
}
