package metadata

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	goodToken  = "HTTP/1.1 200 OK\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: 300\r\nContent-Length: 5\r\n\r\ntoken"
	goodAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nus-east-1"
)

// FuzzAnswer has a metadata service send arbitrary bytes, in answer to the token request
// or to the next one, and hang up.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(goodToken), true)
	for _, answer := range []string{
		goodAnswer,
		"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nus-east-1\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n" + goodAnswer,
		"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxxxx",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + strings.Repeat("x", maxOther+1),
		"HTTP/1.0 200 OK\r\n\r\nus-east-1",
		goodAnswer + goodAnswer,
		"",
	} {
		f.Add([]byte(answer), false)
	}
	f.Fuzz(func(t *testing.T, answer []byte, toToken bool) {
		answers := []string{goodToken, string(answer)}
		if toToken {
			answers = []string{string(answer), goodAnswer}
		}
		service := newScripted(answers)
		c := newClient(endpoint{"192.0.2.1", "127.0.0.1:1"}, service.conn, func(e Exchange) {
			if e.Bytes > maxOther+1 {
				t.Errorf("read %d bytes of an answer", e.Bytes)
			}
		})
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		body, err := c.Region(ctx)
		require.NoError(t, ctx.Err(), "the service hung up, but the call went on")
		if err != nil {
			require.Nil(t, body)
			require.IsType(t, &Error{}, err)
		} else {
			require.LessOrEqual(t, len(body), maxOther)
			if !toToken && !bytes.Contains(bytes.ToLower(answer), []byte("chunked")) {
				require.True(t, bytes.Contains(answer, body), "the body is not part of the answer")
			}
		}
		service.check(t)
	})
}

// scripted is the client's end of a connection to a service that sends fixed answers.
type scripted struct {
	conn net.Conn
	done sync.WaitGroup
	err  error
}

// newScripted starts a service that sends one of the answers to each request, and then
// hangs up.
func newScripted(answers []string) *scripted {
	ours, theirs := net.Pipe()
	s := &scripted{conn: theirs}
	s.done.Go(func() {
		defer ours.Close() //nolint:errcheck // hanging up
		in := bufio.NewReader(ours)
		for _, answer := range answers {
			request, err := http.ReadRequest(in)
			if err != nil {
				return // the client has gone, or waits for more
			}
			_ = ours.SetReadDeadline(time.Now().Add(20 * time.Millisecond)) // a pipe can
			if s.err = wellFormed(request); s.err != nil {
				return
			}
			if _, err := ours.Write([]byte(answer)); err != nil {
				return
			}
		}
	})
	return s
}

// wellFormed returns an error for a request that this program never sends.
func wellFormed(r *http.Request) error {
	path := "/latest/meta-data/" + regionPath
	if r.Method == http.MethodPut {
		path = "/latest/api/token"
	}
	if r.RequestURI != path || r.Host != "192.0.2.1" {
		return fmt.Errorf("%s %s of %s", r.Method, r.RequestURI, r.Host)
	}
	return nil
}

// check waits until the service has hung up.
func (s *scripted) check(t *testing.T) {
	t.Helper()
	require.NoError(t, s.conn.Close())
	s.done.Wait()
	require.NoError(t, s.err)
}
