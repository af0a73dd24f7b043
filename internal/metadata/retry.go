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

// permanent is a failure that asking again would not mend.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// retryer decides which failures are asked about again, and when. It
// implements aws.Retryer. It sets no number of attempts: the context's end
// stops them.
type retryer struct{}

// waits before the second and each further attempt. The first retry is
// immediate, since a throttled or reset request is usually served the next
// time; the last wait is kept from then on.
var waits = [...]time.Duration{0, 10 * time.Millisecond, 30 * time.Millisecond, 80 * time.Millisecond, 200 * time.Millisecond}

// RetryDelay returns how long to wait after attempt, which counts from 1. Up
// to half of it is taken off at random, so that many processes that were
// throttled together do not come back together.
func (retryer) RetryDelay(attempt int, _ error) (time.Duration, error) {
	wait := waits[min(attempt, len(waits))-1]
	if wait == 0 {
		return 0, nil
	}
	return wait - rand.N(wait/2), nil
}

// IsErrorRetryable reports whether the failure is one that passes: throttling
// and server errors, an expired token, a connection that was reset, cut short
// or gave no answer in time.
func (retryer) IsErrorRetryable(err error) bool {
	var verdict interface{ RetryableError() bool }
	if errors.As(err, &verdict) {
		return verdict.RetryableError() // the SDK's own on 401, and on a token it could not get
	}
	var final permanent
	if errors.As(err, &final) || errors.Is(err, context.Canceled) {
		return false // a request that took too long is context.DeadlineExceeded too, and worth another
	}
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) && answer.HTTPStatusCode() != 0 {
		return answer.HTTPStatusCode() >= 500 || answer.HTTPStatusCode() == http.StatusTooManyRequests
	}
	var timeout net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

// MaxAttempts returns 0, which is no maximum.
func (retryer) MaxAttempts() int { return 0 }

// GetRetryToken lets every retry pass: a process that lives for one login has
// no use for a quota.
func (retryer) GetRetryToken(context.Context, error) (func(error) error, error) {
	return func(error) error { return nil }, nil
}

// GetInitialToken lets every first attempt pass.
func (retryer) GetInitialToken() func(error) error {
	return func(error) error { return nil }
}
