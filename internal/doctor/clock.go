package doctor

import (
	"context"
	"time"

	"eic/internal/lookup"
	"eic/internal/remedy"
)

// Bounds of the clock's error. A key expires one minute after it was pushed, by AWS's
// clock. A clock that is ahead shortens that minute, and one that is a minute ahead
// leaves nothing of it. A clock that is behind costs no login by itself, but accepts keys
// that have expired; a day behind, staples seem to come from the future.
const (
	keyLifetime   = time.Minute
	clockAccuracy = 5 * time.Second
)

func checkClock(_ context.Context, e *exam) Finding {
	return e.connected(func(s Service) Finding {
		if s.ClockOffset == nil {
			return notChecked("compare date -u with another clock", "no answer of the metadata service had a date")
		}
		return clockFinding(*s.ClockOffset)
	})
}

func clockFinding(c lookup.ClockOffset) Finding {
	set := remedy.SetClock("").Commands[0] + ", with server 169.254.169.123 in chrony.conf"
	margin := c.Margin.Round(100 * time.Millisecond)
	off := max(c.Ahead, -c.Ahead).Round(100 * time.Millisecond)
	switch {
	case c.Ahead >= keyLifetime:
		return broken(set, "%s ahead of the metadata service's (±%s), so every key has expired on arrival", off, margin)
	case c.Ahead > clockAccuracy:
		return warning(set, "%s ahead of the metadata service's (±%s): pushed keys are valid for that much less than %s", off, margin, keyLifetime)
	case c.Ahead < -clockAccuracy:
		return warning(set, "%s behind the metadata service's (±%s): expired keys are accepted that much longer", off, margin)
	}
	return ok("agrees with the metadata service's (±%s)", margin)
}
