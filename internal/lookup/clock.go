package lookup

import (
	"time"

	"eic/internal/metadata"
)

// Clock compares this machine's clock with the metadata service's, which is right: this
// one is Ahead, give or take Margin. A clock that is behind has a negative Ahead.
type Clock struct {
	Ahead, Margin time.Duration
}

// CompareClocks compares the clocks by the quickest exchange whose answer had a date,
// since that leaves the smallest margin. It returns nil if none had.
func CompareClocks(exchanges []metadata.Exchange) *Clock {
	var quickest *metadata.Exchange
	for i, x := range exchanges {
		if !x.Date.IsZero() && (quickest == nil || x.Duration < quickest.Duration) {
			quickest = &exchanges[i]
		}
	}
	if quickest == nil {
		return nil
	}
	// The date is in whole seconds, cut off, of some moment of the exchange.
	const halfSecond = time.Second / 2
	half := quickest.Duration / 2
	return &Clock{
		Ahead:  quickest.Start.Add(half).Sub(quickest.Date.Add(halfSecond)),
		Margin: half + halfSecond,
	}
}

// Seconds is by how many whole seconds this machine's clock is certainly ahead, or if
// negative behind.
func (c Clock) Seconds() int64 {
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
