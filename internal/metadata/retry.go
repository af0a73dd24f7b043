package metadata

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"syscall"
	"time"
)

// waits are the times to wait before the second and each later attempt. The first retry
// is immediate, since a throttled or reset request usually succeeds the next time. The
// last wait is used for all later attempts.
var waits = [...]time.Duration{0, 10 * time.Millisecond, 30 * time.Millisecond, 80 * time.Millisecond, 200 * time.Millisecond}

// delay returns how long to wait after attempt, counted from 1. It subtracts up to half
// of the wait at random, so that processes that were throttled together do not retry
// together.
func delay(attempt int) time.Duration {
	wait := waits[max(min(attempt, len(waits)), 1)-1]
	if wait == 0 {
		return 0
	}
	return wait - rand.N(wait/2)
}

// pause waits after an attempt, and reports whether there is time for another one.
func pause(ctx context.Context, attempt int) bool {
	select {
	case <-ctx.Done():
	case <-time.After(delay(attempt)):
	}
	return !ended(ctx)
}

// retryer is the SDK's aws.RetryerV2. It decides which failures are retried, and when. It
// limits neither the number of attempts nor their rate: the context ends them.
type retryer struct{}

// IsErrorRetryable reports whether the failure is transient.
func (retryer) IsErrorRetryable(err error) bool { return transient(err) }

// RetryDelay counts attempts from 1. If the environment has AWS_NEW_RETRIES_2026, the SDK
// counts them from 0.
func (retryer) RetryDelay(attempt int, _ error) (time.Duration, error) { return delay(attempt), nil }

// MaxAttempts returns 0, which means no maximum.
func (retryer) MaxAttempts() int { return 0 }

// GetRetryToken allows every retry.
func (retryer) GetRetryToken(context.Context, error) (func(error) error, error) { return release, nil }

// GetAttemptToken allows every first attempt.
func (retryer) GetAttemptToken(context.Context) (func(error) error, error) { return release, nil }

// GetInitialToken is the older name of GetAttemptToken in the SDK.
func (retryer) GetInitialToken() func(error) error { return release }

func release(error) error { return nil }

// transient reports whether a retry may succeed after this failure: throttling, a server
// error, a connection that was reset, cut short or timed out, or no free local port. Only
// the context's end limits the number of attempts.
func transient(err error) bool {
	var status statusError
	if errors.As(err, &status) {
		return status >= 500 || status == http.StatusTooManyRequests
	}
	if errors.Is(err, context.Canceled) {
		return false // a request that timed out is context.DeadlineExceeded, and is retried
	}
	var timeout net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.EADDRNOTAVAIL) ||
		errors.As(err, &timeout) && timeout.Timeout()
}
