package metadata

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// call is what the transport must know of the SDK call that a request belongs
// to, and what it tells it. The SDK wraps failures in several layers of prose,
// one of which hides its cause; the last failure is kept here instead.
type call struct {
	stage Stage
	limit int

	mu      sync.Mutex
	failed  Stage // stage of last: the call's own, or StageToken
	last    error
	refused int // answers of 401
}

type callKey struct{}

// note keeps the latest failure. One that is only the context's end says less
// than the one before it and does not replace that.
func (c *call) note(ctx context.Context, stage Stage, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil || !ended(ctx) {
		c.failed, c.last = stage, err
	}
}

// ended reports whether a context's end has come. A dialer knows that a moment
// before the context itself does.
func ended(ctx context.Context) bool {
	deadline, has := ctx.Deadline()
	return ctx.Err() != nil || has && !time.Now().Before(deadline)
}

// refuse counts an answer of 401 and reports whether it was the first.
func (c *call) refuse() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused++
	return c.refused == 1
}

// explain makes the call's error out of what was noted.
func (c *call) explain(ctx context.Context, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	stage, failure := c.failed, c.last
	if failure == nil {
		stage, failure = c.stage, err
	}
	if ended(ctx) {
		<-ctx.Done() // so that it has a cause
	}
	if end := context.Cause(ctx); end != nil {
		if errors.Is(failure, end) || errors.Is(failure, ctx.Err()) {
			return &Error{stage, fmt.Errorf("%w and no whole answer has come", end)}
		}
		return &Error{stage, fmt.Errorf("%w; the last failure: %w", end, failure)}
	}
	return &Error{stage, failure}
}
