package doctor

import (
	"context"
	"time"

	"eic/internal/lookup"
	"eic/internal/remedy"
)

// Bounds of the clock's error. A key counts until a moment by AWS's clock, a
// minute after it was pushed: a clock that is ahead takes that off the minute,
// and one that is a minute ahead leaves nothing of it. One that is behind costs
// no login by itself, but keeps counting keys that have expired, and a day of
// it makes staples seem to come from the future.
const (
	keyLifetime   = time.Minute
	clockAccuracy = 5 * time.Second
)

func checkClock(_ context.Context, e *exam) Finding {
	return e.connected(func(s Service) Finding {
		if s.Clock == nil {
			return notChecked("compare date -u with another clock", "no answer of the metadata service had a date")
		}
		return clockFinding(*s.Clock)
	})
}

func clockFinding(c lookup.Clock) Finding {
	set := remedy.SetClock("").Commands[0] + ", with server 169.254.169.123 in chrony.conf"
	margin := c.Margin.Round(100 * time.Millisecond)
	off := max(c.Ahead, -c.Ahead).Round(100 * time.Millisecond)
	switch {
	case c.Ahead >= keyLifetime:
		return broken(set, "%s ahead of the metadata service's (±%s), so every key has expired on arrival", off, margin)
	case c.Ahead > clockAccuracy:
		return warning(set, "%s ahead of the metadata service's (±%s): keys last that much less than %s", off, margin, keyLifetime)
	case c.Ahead < -clockAccuracy:
		return warning(set, "%s behind the metadata service's (±%s): a key that has expired would count that much longer", off, margin)
	}
	return ok("that of the metadata service (±%s)", margin)
}
