package metadata

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Bounds on one exchange. The context bounds them all together.
const (
	// answerTimeout is how long an answer's header may take before the
	// request is sent again. IMDS answers within milliseconds.
	answerTimeout = 2 * time.Second
	// maxHeader bounds an answer's header, in bytes.
	maxHeader = 16 << 10
)

// Exchange is one HTTP request and how it ended.
type Exchange struct {
	Stage  Stage
	Method string
	// Path is the request's path, beginning with "/latest/".
	Path string
	// Status is the HTTP status, or 0 if no answer came.
	Status int
	// Bytes is the length of the answer's body as far as it was read.
	Bytes int
	// Start is when the request was sent and Duration how long it took.
	Start    time.Time
	Duration time.Duration
	// Date is the answer's Date header, or zero.
	Date time.Time
	// Err is what was wrong with the answer, or nil.
	Err error
}

// answered is the status of an answer that is neither 200 nor 404.
type answered int

func (a answered) Error() string {
	status := int(a)
	switch {
	case status == http.StatusForbidden:
		return "answered 403 Forbidden: the metadata service is disabled for this instance"
	case status >= 300 && status < 400:
		return fmt.Sprintf("answered %d %s: redirects are not followed", status, http.StatusText(status))
	default:
		return fmt.Sprintf("answered %d %s", status, http.StatusText(status))
	}
}

// exchange sends one request, once, and returns the body of an answer of 200, of at most
// limit bytes. There is no http.Client here, and so no room for redirects, cookies and
// proxies.
func (c *Client) exchange(ctx context.Context, stage Stage, method, path, header, value string, limit int) ([]byte, *Error) {
	request := &http.Request{
		Method: method,
		URL:    &url.URL{Scheme: "http", Host: c.host, Path: path},
		Header: http.Header{header: {value}, "User-Agent": {"eic"}},
	}
	x := Exchange{Stage: stage, Method: method, Path: path, Start: time.Now()}
	body, err := x.send(request.WithContext(ctx), &c.connections, limit)
	x.Err = err
	if c.observe != nil {
		x.Duration = time.Since(x.Start)
		c.observe(x)
	}
	if err != nil {
		return nil, &Error{stage, err}
	}
	return body, nil
}

// send fills in what came.
func (x *Exchange) send(request *http.Request, over *connections, limit int) ([]byte, error) {
	response, err := over.roundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end or given up
	x.Status = response.StatusCode
	x.Date, _ = http.ParseTime(response.Header.Get("Date")) // zero where there is none
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, ErrNotFound
	default:
		return nil, answered(response.StatusCode)
	}
	body, err := readBody(response, limit)
	x.Bytes = len(body)
	if err == nil && x.Stage == StageToken {
		err = checkToken(body)
	}
	return body, err
}

// readBody reads an answer of at most limit bytes.
func readBody(response *http.Response, limit int) ([]byte, error) {
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" {
		return nil, fmt.Errorf("the answer is encoded with %.40q, which nobody asked for", encoding)
	}
	tooLong := fmt.Errorf("the answer is longer than %d bytes", limit)
	if response.ContentLength > int64(limit) {
		return nil, tooLong
	}
	body := bytes.NewBuffer(make([]byte, 0, max(response.ContentLength, 0)+bytes.MinRead))
	_, err := body.ReadFrom(io.LimitReader(response.Body, int64(limit)+1))
	switch {
	case err != nil:
		return body.Bytes(), fmt.Errorf("reading the answer after %d bytes: %w", body.Len(), err)
	case body.Len() > limit:
		return body.Bytes(), tooLong
	}
	return body.Bytes(), nil
}
