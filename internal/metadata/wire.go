package metadata

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// wire is the SDK's imds.HTTPClient. It sends each request once, to one address. It uses
// no http.Client, so there are no redirects and no cookies.
type wire struct {
	transport http.Transport
	first     chan net.Conn // opened before the first request
	observe   func(Exchange)
}

// newWire returns a wire to the address. Its first request uses the given connection.
// Nothing in a request can change the address.
func newWire(address string, first net.Conn, observe func(Exchange)) *wire {
	w := &wire{observe: observe, first: make(chan net.Conn, 1)}
	w.first <- first
	dialer := net.Dialer{}
	w.transport = http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			select {
			case conn := <-w.first:
				return conn, nil
			default:
				return dialer.DialContext(ctx, "tcp", address)
			}
		},
		DisableCompression:     true,
		MaxIdleConnsPerHost:    maxIdle,
		MaxResponseHeaderBytes: maxHeader,
		ResponseHeaderTimeout:  answerTimeout,
	}
	return w
}

// close closes the connections. Call it after the last request.
func (w *wire) close() {
	w.transport.CloseIdleConnections()
	select {
	case conn := <-w.first:
		_ = conn.Close() // nothing is lost
	default:
	}
}

// Do sends a request and reads the complete answer. Every status but 200 is an error, so
// that the retryer decides about it and not the SDK.
func (w *wire) Do(request *http.Request) (*http.Response, error) {
	call, ok := request.Context().Value(callKey{}).(*call)
	if !ok {
		return nil, errors.New("internal error: request outside of a call")
	}
	stage, limit := call.stage, call.limit
	if request.Method == http.MethodPut {
		stage, limit = StageToken, maxOther
	}
	request.Header.Set("User-Agent", "eic") // the SDK's own would include text from the environment
	x := Exchange{Stage: stage, Method: request.Method, Path: request.URL.Path, Start: time.Now()}
	response, body, err := x.send(request, &w.transport, limit)
	x.Err = err
	if w.observe != nil {
		x.Duration = time.Since(x.Start)
		w.observe(x)
	}
	if err != nil {
		call.record(request.Context(), &Error{stage, err})
		return nil, err
	}
	response.Body = http.NoBody
	if stage == StageToken {
		response.Body = io.NopCloser(bytes.NewReader(body))
	} else {
		call.body = body // the SDK would copy up to 1 MiB twice
	}
	return response, nil
}
