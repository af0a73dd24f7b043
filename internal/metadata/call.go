package metadata

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

// call is one call of a Client's method. The SDK may make several requests for it, one
// after the other, all with the call in their context.
//
// The SDK wraps a failure in several layers of prose, and hides its cause where no
// token could be had. So the call keeps the failure itself.
type call struct {
	stage   Stage
	limit   int // of the answer, in bytes
	failure *Error
	body    []byte // of the answer
}

type callKey struct{}

// ask asks for one path below /latest/meta-data/ in a session.
func (c *call) ask(ctx context.Context, session *imds.Client, name string) ([]byte, error) {
	c.failure = nil
	_, err := session.GetMetadata(context.WithValue(ctx, callKey{}, c), &imds.GetMetadataInput{Path: name})
	if err != nil {
		return nil, err
	}
	c.failure = nil // it passed
	return c.body, nil
}

// note keeps the failure of a request, unless all it says is that the context ended:
// the failure before it says more.
func (c *call) note(ctx context.Context, failure *Error) {
	if c.failure == nil || !ended(ctx) {
		c.failure = failure
	}
}

// refused reports whether the metadata service refused the session token.
func (c *call) refused() bool {
	return c.failure != nil && c.failure.Stage == c.stage && errors.Is(c.failure, answered(http.StatusUnauthorized))
}

// errTokenRefused takes the place of a 401 for a token that was given a moment before.
var errTokenRefused = errors.New("answered 401 Unauthorized to a new token too")

// explain returns the failure that ended the call, and says so if it was the end of
// the context. err is the SDK's own, for what failed between requests.
func (c *call) explain(ctx context.Context, err error) error {
	failure := c.failure
	if failure == nil {
		failure = &Error{c.stage, err}
	}
	if ended(ctx) {
		<-ctx.Done() // so that it has a cause
	}
	end := context.Cause(ctx)
	switch {
	case end == nil:
		return failure
	case errors.Is(failure, end) || errors.Is(failure, ctx.Err()):
		return &Error{failure.Stage, fmt.Errorf("%w and no whole answer has come", end)}
	default:
		return &Error{failure.Stage, fmt.Errorf("%w; the last failure: %w", end, failure.Err)}
	}
}

// ended reports whether a context's end has come. A dialer knows that a moment
// before the context itself does.
func ended(ctx context.Context) bool {
	deadline, has := ctx.Deadline()
	return ctx.Err() != nil || has && !time.Now().Before(deadline)
}
