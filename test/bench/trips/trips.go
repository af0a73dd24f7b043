// Package trips computes the cost of a run on the wire from the simulated metadata service's
// request log.
package trips

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Cost is the cost of one run on the wire.
type Cost struct {
	Requests, Connections int
	// Depth is the number of round trips in sequence: the length of the longest sequence of
	// requests in which each was sent after the answer to the one before.
	Depth int
}

// Log is a request log in memory. It is safe for concurrent use.
type Log struct {
	mu       sync.Mutex
	requests []request
}

type request struct {
	Time       time.Time
	Connection int64
}

// Write adds whole lines of JSON.
func (l *Log) Write(lines []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(lines) {
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			return 0, fmt.Errorf("reading the request log: %w", err)
		}
		l.requests = append(l.requests, r)
	}
	return len(lines), nil
}

// Len returns the number of requests that Take would use.
func (l *Log) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.requests)
}

// Take returns the cost of the requests since its last call. They must be those of one run, and
// the service must wait for delay before each answer.
//
// A request that needs the answer to another one arrives at least that delay after it. So the
// depth is never too small. It is too large only if the program sends a request that much later
// than it could.
func (l *Log) Take(delay time.Duration) Cost {
	l.mu.Lock()
	defer l.mu.Unlock()
	requests := l.requests
	l.requests = nil
	slices.SortFunc(requests, func(a, b request) int { return a.Time.Compare(b.Time) })
	depths := make([]int, len(requests))
	connections := map[int64]bool{}
	cost := Cost{Requests: len(requests)}
	for i, r := range requests {
		depths[i] = 1
		for j, earlier := range requests[:i] {
			if r.Time.Sub(earlier.Time) >= delay {
				depths[i] = max(depths[i], depths[j]+1)
			}
		}
		cost.Depth = max(cost.Depth, depths[i])
		connections[r.Connection] = true
	}
	cost.Connections = len(connections)
	return cost
}
