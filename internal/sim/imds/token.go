package imds

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	ttlHeader   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
	tokenHeader = "X-Aws-Ec2-Metadata-Token"

	maxTTL = 21600
)

// tokens are the issued session tokens and the times until which they are valid. The zero
// value is ready.
type tokens struct {
	mu      sync.Mutex
	expires map[string]time.Time
}

// issue answers a PUT of the token path.
func (ts *tokens) issue(r *http.Request) answer {
	if r.Header.Get("X-Forwarded-For") != "" {
		return failure(http.StatusForbidden)
	}
	ttl, err := strconv.Atoi(r.Header.Get(ttlHeader))
	if err != nil || ttl < 1 || ttl > maxTTL {
		return failure(http.StatusBadRequest)
	}
	octets := make([]byte, 40)
	if _, err := rand.Read(octets); err != nil {
		return failure(http.StatusInternalServerError)
	}
	token := base64.URLEncoding.EncodeToString(octets)
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.expires == nil {
		ts.expires = make(map[string]time.Time)
	}
	ts.expires[token] = time.Now().Add(time.Duration(ttl) * time.Second)
	a := found([]byte(token))
	a.header = http.Header{ttlHeader: {strconv.Itoa(ttl)}}
	return a
}

// valid reports whether a token was issued and has not expired.
func (ts *tokens) valid(token string) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	expiry, ok := ts.expires[token]
	return ok && time.Now().Before(expiry)
}

// invalidate makes every token issued so far invalid.
func (ts *tokens) invalidate() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	clear(ts.expires)
}
