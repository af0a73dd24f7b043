package metadata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"syscall"
	"time"
)

// waits before the second and each further attempt. The first retry is
// immediate, since a throttled or reset request is usually served the next
// time; the last wait is kept from then on.
var waits = [...]time.Duration{0, 10 * time.Millisecond, 30 * time.Millisecond, 80 * time.Millisecond, 200 * time.Millisecond}

// delay returns how long to wait after attempt, which counts from 1. Up to half
// of it is taken off at random, so that many processes that were throttled
// together do not come back together.
func delay(attempt int) time.Duration {
	wait := waits[min(attempt, len(waits))-1]
	if wait == 0 {
		return 0
	}
	return wait - rand.N(wait/2)
}

// pause waits after an attempt, and reports whether there is time for another.
func pause(ctx context.Context, attempt int) bool {
	select {
	case <-ctx.Done():
	case <-time.After(delay(attempt)):
	}
	return !ended(ctx)
}

// passes reports whether a failure is one that passes: throttling and server
// errors, a connection that was reset, cut short or gave no answer in time, and this
// machine having no port left for another connection. There is no bound on the attempts
// but the context's end.
func passes(err error) bool {
	var status answered
	if errors.As(err, &status) {
		return status >= 500 || status == http.StatusTooManyRequests
	}
	if errors.Is(err, context.Canceled) {
		return false // a request that took too long is context.DeadlineExceeded, and worth another
	}
	var timeout net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.EADDRNOTAVAIL) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

// ended reports whether a context's end has come. A dialer knows that a moment
// before the context itself does.
func ended(ctx context.Context) bool {
	deadline, has := ctx.Deadline()
	return ctx.Err() != nil || has && !time.Now().Before(deadline)
}

// explain returns the failure that ended a call, and says so if it was the context's
// end that did.
func explain(ctx context.Context, failure *Error) error {
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
