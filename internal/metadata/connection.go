package metadata

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections are those to one address. A request takes an idle one, or makes one.
//
// They stand in for an http.Transport. That has goroutines for each connection and
// each dial, which cost a process that asks for two things and ends more than a
// tenth of its time. What goes over the wire is still net/http's to write and read.
type connections struct {
	dial func(context.Context) (net.Conn, error)

	mu     sync.Mutex
	idle   []*connection
	closed bool
}

// roundTrip sends a request and reads the header of its answer. The caller reads the
// body and closes it, upon which the connection is idle or, if anything was left to
// read, closed.
//
// The other side may close a connection that is idle. A request that fails on one
// that was used before is sent again on another.
func (cs *connections) roundTrip(request *http.Request) (*http.Response, error) {
	for {
		c, err := cs.take(request.Context())
		if err != nil {
			return nil, err
		}
		response, err := c.roundTrip(request)
		if err == nil {
			response.Body = &body{ReadCloser: response.Body, ctx: request.Context(), of: cs, on: c, last: response.Close}
			return response, nil
		}
		var failure unanswered
		if !c.used || !errors.As(err, &failure) {
			return nil, err
		}
	}
}

// take returns a connection for one request.
func (cs *connections) take(ctx context.Context) (*connection, error) {
	cs.mu.Lock()
	if last := len(cs.idle) - 1; last >= 0 {
		c := cs.idle[last]
		cs.idle = cs.idle[:last]
		cs.mu.Unlock()
		return c, nil
	}
	cs.mu.Unlock()
	conn, err := cs.dial(ctx)
	if err != nil {
		return nil, err
	}
	return newConnection(conn), nil
}

// put makes a connection idle.
func (cs *connections) put(c *connection) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed {
		_ = c.Close() // nothing is lost
		return
	}
	cs.idle = append(cs.idle, c)
}

// close closes the connections that are idle, and the others once they are.
func (cs *connections) close() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, c := range cs.idle {
		_ = c.Close() // nothing is lost
	}
	cs.idle, cs.closed = nil, true
}

// connection is one that at most one request at a time is under way on.
type connection struct {
	net.Conn
	header io.LimitedReader // of Conn
	reader *bufio.Reader    // of header
	used   bool             // an answer came on it before
	// stop keeps the end of the request's context from ending what is under way,
	// and reports whether that had not happened yet.
	stop func() bool
}

func newConnection(conn net.Conn) *connection {
	c := &connection{Conn: conn, header: io.LimitedReader{R: conn}}
	c.reader = bufio.NewReader(&c.header)
	return c
}

// unanswered is the failure of a request that the other side may never have seen.
type unanswered struct{ error }

func (u unanswered) Unwrap() error { return u.error }

// roundTrip is for connections. After an error the connection is closed.
func (c *connection) roundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	c.stop = context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	response, err := c.exchange(request)
	// The deadline may have been lifted after the context's end had set it.
	if end := ctx.Err(); end != nil {
		err = end
	}
	if err != nil {
		c.stop()
		_ = c.Close() // the other error is the one to tell
		return nil, err
	}
	return response, nil
}

func (c *connection) exchange(request *http.Request) (*http.Response, error) {
	if err := c.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return nil, err
	}
	c.header.N = maxHeader
	if err := request.Write(c); err != nil {
		return nil, unanswered{fmt.Errorf("sending the request: %w", err)}
	}
	response, err := http.ReadResponse(c.reader, request)
	for err == nil && response.StatusCode < http.StatusOK && response.StatusCode != http.StatusSwitchingProtocols {
		response, err = http.ReadResponse(c.reader, request) // it was an interim one (RFC 9110 section 15.2)
	}
	var timeout net.Error
	switch {
	case err == nil:
		c.header.N = math.MaxInt64 // the body has bounds of its own
		return response, c.SetDeadline(time.Time{})
	case c.header.N == 0:
		return nil, fmt.Errorf("the answer's header is longer than %d bytes", maxHeader)
	case errors.As(err, &timeout) && timeout.Timeout():
		return nil, fmt.Errorf("no answer within %s: %w", answerTimeout, context.DeadlineExceeded)
	default:
		return nil, unanswered{fmt.Errorf("reading the answer's header: %w", err)}
	}
}

// body is that of an answer. Closing it gives the connection back.
type body struct {
	io.ReadCloser
	ctx   context.Context
	of    *connections
	on    *connection
	last  bool // the other side closes the connection after it
	whole bool
}

// Read reads until the request's context ends.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.whole = true
	} else if end := b.ctx.Err(); err != nil && end != nil {
		err = end
	}
	return n, err
}

// Close is to be called once.
func (b *body) Close() error {
	undisturbed := b.on.stop()
	if !undisturbed || !b.whole || b.last || b.on.reader.Buffered() > 0 {
		return b.on.Close()
	}
	b.on.used = true
	b.of.put(b.on)
	return nil
}
