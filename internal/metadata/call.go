package metadata

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

// call is one call of a Client's method. The SDK may send several requests for it, one
// after the other; each has the call in its context.
//
// The call keeps the first cause of a failure itself, because the SDK wraps it in several
// layers of text, and hides it if no token could be fetched.
type call struct {
	stage   Stage
	limit   int // of the body, in bytes
	failure *Error
	failed  int    // requests, of which failure is the last
	body    []byte // of the answer
}

type callKey struct{}

// ask fetches one path below /latest/meta-data/ in a session.
func (c *call) ask(ctx context.Context, session *imds.Client, name string) ([]byte, error) {
	c.failure, c.failed = nil, 0
	_, err := session.GetMetadata(context.WithValue(ctx, callKey{}, c), &imds.GetMetadataInput{Path: name})
	if err != nil {
		return nil, err
	}
	c.failure = nil // a retry succeeded
	return c.body, nil
}

// record keeps the failure of a request. A failure that only says that the context ended
// does not replace an earlier one, which says more.
func (c *call) record(ctx context.Context, failure *Error) {
	if c.failure == nil || !ended(ctx) {
		c.failure = failure
		c.failed++
	}
}

// tokenRefused reports whether the metadata service refused the session token.
func (c *call) tokenRefused() bool {
	return c.failure != nil && c.failure.Stage == c.stage && errors.Is(c.failure, statusError(http.StatusUnauthorized))
}

// errTokenRefused replaces the error for a 401 if the token was new.
var errTokenRefused = errors.New("answered 401 Unauthorized, even to a new token")

// finalError returns the failure that ended the call, and adds the context's cause if the
// context ended. It counts the requests, so that one record says what many would. err is
// the SDK's own error, for failures between requests.
func (c *call) finalError(ctx context.Context, err error) error {
	failure := c.failure
	if failure == nil {
		failure = &Error{c.stage, err}
	}
	if ended(ctx) {
		<-ctx.Done() // wait for the context to have a cause
	}
	end := context.Cause(ctx)
	switch {
	case end == nil:
		return failure
	case errors.Is(failure, end) || errors.Is(failure, ctx.Err()):
		return &Error{failure.Stage, fmt.Errorf("%w; no complete answer came", end)}
	default:
		return &Error{failure.Stage, fmt.Errorf("%w; last failure: %w (attempt %d)", end, failure.Err, c.failed)}
	}
}

// ended reports whether a context's deadline has passed. A dialer may notice that a
// moment before the context itself does.
func ended(ctx context.Context) bool {
	deadline, has := ctx.Deadline()
	return ctx.Err() != nil || has && !time.Now().Before(deadline)
}
