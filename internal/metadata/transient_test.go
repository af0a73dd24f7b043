package metadata

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// If the token expires while requests are in flight, all of them are refused.
func TestConcurrentRequestsShareOneNewToken(t *testing.T) {
	const calls = 8
	var arrived sync.WaitGroup
	arrived.Add(calls)
	var tokenRefused atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut || tokenRefused.Add(1) > calls {
			return false
		}
		arrived.Done()
		arrived.Wait()
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	c := s.client(t)
	var group sync.WaitGroup
	for range calls {
		group.Go(func() {
			body, err := c.Region(t.Context())
			if err != nil || string(body) != "body" {
				t.Errorf("Region: %q, %v", body, err)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 2, s.tokens.Load())
}

func TestUnansweredRequestIsSentAgain(t *testing.T) {
	var once sync.Once
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet {
			once.Do(func() { <-r.Context().Done() })
		}
		return r.Context().Err() != nil
	})
	body, err := s.client(t).Region(t.Context())
	require.NoError(t, err)
	require.Equal(t, "body", string(body))
}
