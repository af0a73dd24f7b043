package metadata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Bounds on one exchange. The context bounds them all together.
const (
	// answerTimeout is how long an answer's header may take before the
	// request is sent again. IMDS answers within milliseconds.
	answerTimeout = 2 * time.Second
	// maxHeader bounds an answer's header, in bytes.
	maxHeader = 16 << 10
	// maxIdle is how many connections are kept between requests: more than there are
	// concurrent requests.
	maxIdle = 32
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

// send fills in what came, and returns the answer and its body.
func (x *Exchange) send(request *http.Request, over *http.Transport, limit int) (*http.Response, []byte, error) {
	response, err := over.RoundTrip(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end or given up
	x.Status = response.StatusCode
	x.Date, _ = http.ParseTime(response.Header.Get("Date")) // zero where there is none
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, nil, ErrNotFound
	default:
		return nil, nil, answered(response.StatusCode)
	}
	body, err := readBody(response, limit)
	x.Bytes = len(body)
	if err == nil && x.Stage == StageToken {
		err = checkToken(response.Header.Get(lifetimeHeader), body)
	}
	return response, body, err
}

// lifetimeHeader says for how many seconds a session token is valid.
const lifetimeHeader = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"

// checkToken accepts a session token that can be sent in a header, and a lifetime that
// the SDK can read.
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
		return fmt.Errorf("the session token is valid for %.40q seconds, expected a number above 0", lifetime)
	}
	return nil
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
