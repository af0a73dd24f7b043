package metadata

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// onConnection writes the answer to the first GET itself, and then runs do on the
// connection.
func onConnection(do func(net.Conn)) func(http.ResponseWriter, *http.Request) bool {
	var once sync.Once
	return func(w http.ResponseWriter, r *http.Request) bool {
		done := false
		if r.Method == http.MethodGet {
			once.Do(func() {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err == nil {
					do(conn)
				}
				done = true
			})
		}
		return done
	}
}

// send writes to a connection. It ignores a client that has closed it.
func send(conn net.Conn, text string) { _, _ = conn.Write([]byte(text)) }

// untilClosed waits until the client has closed the connection.
func untilClosed(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

const whole = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"

// What happens to a connection after an answer must not fail the next request. If the
// service sends more after an answer, the connection is closed. If the next request is
// already on that connection, the surplus becomes its answer; the same service could have
// sent that answer anyway.
func TestRequestAfterAnUnusualAnswerSucceeds(t *testing.T) {
	for name, test := range map[string]struct {
		after    func(net.Conn)
		connects int64
	}{
		"answer with Connection: close": {func(c net.Conn) {
			send(c, strings.Replace(whole, "\r\n", "\r\nConnection: close\r\n", 1))
			_ = c.Close()
		}, 2},
		"connection closed after the answer": {func(c net.Conn) {
			send(c, whole)
			_ = c.Close()
		}, 2},
		"surplus bytes after the answer": {func(c net.Conn) {
			send(c, whole+"more")
			untilClosed(c)
		}, 2},
		"second answer after the answer": {func(c net.Conn) {
			send(c, whole+"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
			untilClosed(c)
		}, 2},
		"interim answer before the answer": {func(c net.Conn) {
			send(c, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"+whole)
			_ = c.Close()
		}, 2},
		"chunked answer": {func(c net.Conn) {
			send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n")
			_ = c.Close()
		}, 2},
		"answer without Content-Length": {func(c net.Conn) {
			send(c, "HTTP/1.1 200 OK\r\n\r\nbody")
			_ = c.Close()
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			after := make(chan struct{})
			s := serve(t, onConnection(func(c net.Conn) {
				test.after(c)
				close(after)
			}))
			c := s.client(t)
			for range 2 {
				body, err := c.Region(t.Context())
				require.NoError(t, err)
				require.Equal(t, "body", string(body))
				<-after
			}
			require.Equal(t, test.connects, s.connects.Load())
		})
	}
}

// The unread rest of an answer may look like an answer itself.
func TestUnreadRestOfAnAnswerIsNotTheNextAnswer(t *testing.T) {
	const rest = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
	s := serve(t, onConnection(func(c net.Conn) {
		send(c, fmt.Sprintf("HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n", len(rest)))
		go func() {
			if _, err := c.Read(make([]byte, 1024)); err == nil { // another request came on it
				send(c, rest)
			}
			_ = c.Close()
		}()
	}))
	c := s.client(t)
	_, err := c.Region(t.Context())
	require.ErrorIs(t, err, ErrNotFound)
	body, err := c.Region(t.Context())
	require.NoError(t, err)
	require.Equal(t, "body", string(body))
}

func TestSequentialRequestsShareAConnection(t *testing.T) {
	s := serve(t, nil)
	c := s.client(t)
	for range 5 {
		_, err := c.Region(t.Context())
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, s.connects.Load())
}

func TestAnswerThatIsNotHTTPIsRefused(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) bool {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			send(conn, "220 mail.example ESMTP\r\n")
			_ = conn.Close()
		}
		return true
	})
	_, err := s.client(t).Region(t.Context())
	require.ErrorContains(t, err, `malformed HTTP`)
	require.EqualValues(t, 1, s.requests.Load(), "a retry would not help")
}

// The first failure of concurrent requests ends the others, whatever their state.
func TestCanceledContextEndsARequestAtOnce(t *testing.T) {
	for name, text := range map[string]string{
		"before an answer": "",
		"within a header":  "HTTP/1.1 200 OK\r\nContent-",
		"within the body":  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo",
		"before the body":  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := serve(t, onConnection(func(c net.Conn) {
				send(c, text)
				time.AfterFunc(50*time.Millisecond, cancel)
			}))
			start := time.Now()
			_, err := s.client(t).Region(ctx)
			require.ErrorIs(t, err, context.Canceled)
			require.Less(t, time.Since(start), answerTimeout/2)
		})
	}
}

func TestCloseClosesEveryConnection(t *testing.T) {
	for _, requests := range []int{0, 8} {
		s := serve(t, nil)
		c := s.client(t)
		var group sync.WaitGroup
		for range requests {
			group.Go(func() { _, _ = c.Region(t.Context()) }) // only the connection matters
		}
		group.Wait()
		c.Close()
		require.Eventually(t, func() bool {
			return s.connects.Load() > 0 && s.closed.Load() == s.connects.Load()
		}, 5*time.Second, time.Millisecond)
	}
}
