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

// waits before the second and each further attempt. The first retry is
// immediate, since a throttled or reset request is usually served the next
// time; the last wait is kept from then on.
var waits = [...]time.Duration{0, 10 * time.Millisecond, 30 * time.Millisecond, 80 * time.Millisecond, 200 * time.Millisecond}

// delay returns how long to wait after attempt, which counts from 1. Up to half
// of it is taken off at random, so that many processes that were throttled
// together do not come back together.
func delay(attempt int) time.Duration {
	wait := waits[max(min(attempt, len(waits)), 1)-1]
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

// retryer is the SDK's aws.RetryerV2: it decides which failures are retried, and when.
// It sets no number of attempts and has no quota: the end of the context stops them.
type retryer struct{}

// IsErrorRetryable reports whether the failure is one that passes.
func (retryer) IsErrorRetryable(err error) bool { return passes(err) }

// RetryDelay counts attempts from 1. The SDK counts them from 0 where the environment
// has AWS_NEW_RETRIES_2026.
func (retryer) RetryDelay(attempt int, _ error) (time.Duration, error) { return delay(attempt), nil }

// MaxAttempts returns 0, which is no maximum.
func (retryer) MaxAttempts() int { return 0 }

// GetRetryToken lets every retry pass.
func (retryer) GetRetryToken(context.Context, error) (func(error) error, error) { return release, nil }

// GetAttemptToken lets every first attempt pass.
func (retryer) GetAttemptToken(context.Context) (func(error) error, error) { return release, nil }

// GetInitialToken is what GetAttemptToken was before.
func (retryer) GetInitialToken() func(error) error { return release }

func release(error) error { return nil }

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
