// Package trips reads from the simulated metadata service's request log what a run
// of a program cost on the wire.
package trips

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Cost is what one run cost on the wire.
type Cost struct {
	Requests, Connections int
	// Depth is the number of round trips in sequence: the length of the longest
	// row of requests each of which was sent after the one before was answered.
	Depth int
}

// Log is a request log that is kept in memory. The service may write it while it is
// read.
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

// Len is the number of requests that Take would look at.
func (l *Log) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.requests)
}

// Take returns the cost of what was logged since it was last called, which must be
// one run, by a service that waits for delay before each answer.
//
// A request that needs another's answer comes in at least that delay after it.
// So a depth is never too small; and it is too great only if the program, with
// nothing to wait for, sends a request that much later than it could.
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
