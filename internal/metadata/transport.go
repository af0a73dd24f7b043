package metadata

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Time-outs of one attempt. The context bounds them all together.
const (
	// answerTimeout is how long an answer's header may take before the
	// request is sent again. IMDS answers within milliseconds.
	answerTimeout = 2 * time.Second
	// maxHeader bounds an answer's header, in bytes.
	maxHeader = 16 << 10
	// maxToken bounds the session token, in bytes; IMDS's have 56.
	maxToken = maxOther
)

// transport is the imds.HTTPClient: it sends each request once, on plain
// HTTP/1.1 to one address, and reads the answer through a limit.
type transport struct {
	connections connections
	session     session
	observe     func(Exchange)
}

// newTransport returns one that talks to the address, at first on a connection that
// was made before. Nothing in a request can alter the address.
func newTransport(address string, first net.Conn, observe func(Exchange)) *transport {
	dialer := net.Dialer{}
	return &transport{
		observe: observe,
		connections: connections{
			dial: func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", address) },
			idle: []*connection{newConnection(first)},
		},
	}
}

func (t *transport) close() { t.connections.close() }

// Do sends one request and reads its whole answer. Without an http.Client there is
// no room for redirects, cookies and proxies.
func (t *transport) Do(request *http.Request) (*http.Response, error) {
	call, ok := request.Context().Value(callKey{}).(*call)
	if !ok {
		return nil, errors.New("a request outside of any call")
	}
	stage, limit := call.stage, call.limit
	if request.Method == http.MethodPut {
		if answer := t.session.answer(); answer != nil {
			return answer, nil
		}
		stage, limit = StageToken, maxToken
	}
	exchange := Exchange{Stage: stage, Method: request.Method, Path: request.URL.Path, Start: time.Now()}
	response, err := t.exchange(request, limit, &exchange)
	if err == nil && exchange.Status == http.StatusUnauthorized {
		t.session.refuse(request)
		if !call.refuse() {
			err = permanent{errors.New("answered 401 Unauthorized to a new token too")}
			response = nil
		}
	}
	if err != nil {
		exchange.Err = err
		if ended(request.Context()) {
			err = permanent{err}
		}
	}
	if exchange.Err != nil {
		call.note(request.Context(), stage, exchange.Err)
	}
	if t.observe != nil {
		exchange.Duration = time.Since(exchange.Start)
		t.observe(exchange)
	}
	return response, err
}

// exchange fills in what came. An answer other than 200 is returned for the
// SDK to act on, without its body, and noted as the exchange's Err.
func (t *transport) exchange(request *http.Request, limit int, exchange *Exchange) (*http.Response, error) {
	response, err := t.connections.roundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end or given up
	exchange.Status = response.StatusCode
	exchange.Date, _ = http.ParseTime(response.Header.Get("Date")) // zero where there is none
	if response.StatusCode != http.StatusOK {
		exchange.Err = statusError(response.StatusCode)
		response.Body = http.NoBody
		if response.StatusCode < 300 {
			return nil, permanent{exchange.Err}
		}
		return response, nil
	}
	body, err := readBody(response, limit)
	exchange.Bytes = len(body)
	if err != nil {
		return nil, err
	}
	if exchange.Stage == StageToken {
		if err := checkToken(response.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"), body); err != nil {
			return nil, permanent{err}
		}
		t.session.keep(response.Header, body)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// readBody reads an answer of at most limit bytes.
func readBody(response *http.Response, limit int) ([]byte, error) {
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" {
		return nil, permanent{fmt.Errorf("the answer is encoded with %.40q, which nobody asked for", encoding)}
	}
	tooLong := permanent{fmt.Errorf("the answer is longer than %d bytes", limit)}
	if response.ContentLength > int64(limit) {
		return nil, tooLong
	}
	var body bytes.Buffer
	body.Grow(int(max(response.ContentLength, 0)) + bytes.MinRead)
	_, err := body.ReadFrom(io.LimitReader(response.Body, int64(limit)+1))
	switch {
	case err != nil:
		return body.Bytes(), fmt.Errorf("reading the answer after %d bytes: %w", body.Len(), err)
	case body.Len() > limit:
		return body.Bytes(), tooLong
	}
	return body.Bytes(), nil
}

// checkToken accepts a session token that can be sent in a header, and the number of
// seconds it is valid for.
func checkToken(lifetime string, token []byte) error {
	for _, c := range token {
		if c <= ' ' || c > '~' {
			return fmt.Errorf("the session token, %.60q, is not printable text", token)
		}
	}
	if len(token) == 0 {
		return errors.New("the session token is empty")
	}
	if seconds, err := strconv.ParseInt(lifetime, 10, 32); err != nil || seconds <= 0 {
		return fmt.Errorf("the session token is valid for %.40q seconds, expected a number", lifetime)
	}
	return nil
}

// statusError puts an HTTP status other than 200 into words.
func statusError(status int) error {
	switch {
	case status == http.StatusNotFound:
		return ErrNotFound
	case status == http.StatusForbidden:
		return errors.New("answered 403 Forbidden: the metadata service is disabled for this instance")
	case status >= 300 && status < 400:
		return fmt.Errorf("answered %d %s: redirects are not followed", status, http.StatusText(status))
	default:
		return fmt.Errorf("answered %d %s", status, http.StatusText(status))
	}
}
