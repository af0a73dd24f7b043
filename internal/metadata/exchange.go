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

// Bounds on one exchange. The context bounds all of them together.
const (
	// answerTimeout is how long the header of an answer may take before the request is
	// sent again. IMDS answers within milliseconds.
	answerTimeout = 2 * time.Second
	// maxHeader bounds the header of an answer, in bytes.
	maxHeader = 16 << 10
	// maxIdle is the number of connections kept between requests, more than there are
	// concurrent requests.
	maxIdle = 32
)

// Exchange is one HTTP request and its outcome.
type Exchange struct {
	Stage  Stage
	Method string
	// Path is the request's path, beginning with "/latest/".
	Path string
	// Status is the HTTP status, or 0 if no answer came.
	Status int
	// Bytes is the number of bytes read of the answer's body.
	Bytes int
	// Start is when the request was sent, and Duration how long it took.
	Start    time.Time
	Duration time.Duration
	// Date is the answer's Date header, or zero without that header.
	Date time.Time
	// Err is the reason for refusing the answer, or nil.
	Err error
}

// statusError is the HTTP status of an answer, other than 200 and 404.
type statusError int

func (a statusError) Error() string {
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

// send sends the request, records its outcome, and returns the answer and its body.
func (x *Exchange) send(request *http.Request, over *http.Transport, limit int) (*http.Response, []byte, error) {
	response, err := over.RoundTrip(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end or abandoned
	x.Status = response.StatusCode
	x.Date, _ = http.ParseTime(response.Header.Get("Date")) // zero if there is no such header
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, nil, ErrNotFound
	default:
		return nil, nil, statusError(response.StatusCode)
	}
	body, err := readBody(response, limit)
	x.Bytes = len(body)
	if err == nil && x.Stage == StageToken {
		err = checkToken(response.Header.Get(lifetimeHeader), body)
	}
	return response, body, err
}

// lifetimeHeader gives the number of seconds for which a session token is valid.
const lifetimeHeader = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"

// checkToken accepts a session token that can be sent in a header, with a lifetime that
// the SDK can parse.
func checkToken(lifetime string, token []byte) error {
	for _, c := range token {
		if c <= ' ' || c > '~' {
			return fmt.Errorf("the session token %.60q is not printable text", token)
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

// readBody reads the body of an answer, of at most limit bytes.
func readBody(response *http.Response, limit int) ([]byte, error) {
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" {
		return nil, fmt.Errorf("unexpected Content-Encoding %.40q", encoding)
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
