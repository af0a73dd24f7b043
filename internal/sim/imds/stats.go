package imds

import (
	"encoding/json"
	"io"
	"maps"
	"sync"
	"time"
)

// Stats counts the requests to a service.
type Stats struct {
	// Requests counts by stage. Paths counts by method and path, such as "GET
	// /latest/meta-data/instance-id".
	Requests map[Stage]int
	Paths    map[string]int
	// Connections is the number of connections that had requests.
	Connections int
}

// Total is the number of requests.
func (s Stats) Total() int {
	total := 0
	for _, n := range s.Requests {
		total += n
	}
	return total
}

// record is a line of the request log.
type record struct {
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Stage  Stage     `json:"stage"`
	// Status is 0 for a request without a complete answer.
	Status     int   `json:"status"`
	Connection int64 `json:"connection"`
}

// ledger keeps the statistics and writes the request log.
type ledger struct {
	mu          sync.Mutex
	stats       Stats
	connections map[int64]bool
	log         io.Writer
}

// begin counts a request when it arrives.
func (l *ledger) begin(stage Stage, path string, connection int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.connections == nil {
		l.connections = make(map[int64]bool)
		l.stats = Stats{Requests: make(map[Stage]int), Paths: make(map[string]int)}
	}
	l.stats.Requests[stage]++
	l.stats.Paths[path]++
	l.connections[connection] = true
	l.stats.Connections = len(l.connections)
}

// end writes the line of a request after its answer. A log that cannot be written does
// not affect the answer.
func (l *ledger) end(rec record) {
	if l.log == nil {
		return
	}
	line, err := json.Marshal(rec)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.log.Write(append(line, '\n'))
}

func (l *ledger) snapshot() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Requests, s.Paths = maps.Clone(s.Requests), maps.Clone(s.Paths)
	return s
}

func (l *ledger) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.connections, l.stats = nil, Stats{}
}
