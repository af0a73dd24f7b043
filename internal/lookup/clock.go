package lookup

import (
	"time"

	"eic/internal/metadata"
)

// ClockOffset is the difference between this machine's clock and the metadata service's,
// which is assumed to be correct. This machine's clock is ahead by Ahead, plus or minus
// Margin. If it is behind, Ahead is negative.
type ClockOffset struct {
	Ahead, Margin time.Duration
}

// CompareClocks compares the clocks by the fastest exchange whose answer has a Date
// header, since that gives the smallest margin. It returns nil if no answer has one.
func CompareClocks(exchanges []metadata.Exchange) *ClockOffset {
	var quickest *metadata.Exchange
	for i, x := range exchanges {
		if !x.Date.IsZero() && (quickest == nil || x.Duration < quickest.Duration) {
			quickest = &exchanges[i]
		}
	}
	if quickest == nil {
		return nil
	}
	// The Date header is a time within the exchange, truncated to whole seconds.
	const halfSecond = time.Second / 2
	half := quickest.Duration / 2
	return &ClockOffset{
		Ahead:  quickest.Start.Add(half).Sub(quickest.Date.Add(halfSecond)),
		Margin: half + halfSecond,
	}
}

// CertainSeconds returns the whole seconds by which this machine's clock is at least ahead.
// If it is behind, they are negative.
func (c ClockOffset) CertainSeconds() int64 {
	certain := max(c.Ahead, -c.Ahead) - c.Margin
	switch {
	case certain < time.Second:
		return 0
	case c.Ahead < 0:
		return -int64(certain / time.Second)
	default:
		return int64(certain / time.Second)
	}
}
