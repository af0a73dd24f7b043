package metadata

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// session is the session token that the metadata service gave last. When a token
// expires, requests that went side by side are all refused, and the SDK asks for a
// new one after each of them; they get one between them.
type session struct {
	mu     sync.Mutex
	header http.Header
	token  []byte // nil while there is none that is worth sending
}

// keep remembers the answer that brought a token.
func (s *session) keep(header http.Header, token []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.header, s.token = header, token
}

// refuse forgets the token if it is the one that the request was refused with.
func (s *session) refuse(request *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if request.Header.Get("X-Aws-Ec2-Metadata-Token") == string(s.token) {
		s.token = nil
	}
}

// answer returns the answer that brought the token once more, or nil if a token has
// to be asked for.
func (s *session) answer() *http.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == nil {
		return nil
	}
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     s.header.Clone(),
		Body:       io.NopCloser(bytes.NewReader(s.token)),
	}
}
