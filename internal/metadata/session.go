package metadata

import (
	"errors"
	"fmt"
	"sync"
)

// The session of IMDSv2: a token that is asked for with its lifetime, and sent with
// every request.
//
// Source: Amazon EC2 User Guide, "How Instance Metadata Service Version 2 works".
const (
	tokenPath      = "/latest/api/token"
	lifetimeHeader = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
	tokenHeader    = "X-Aws-Ec2-Metadata-Token"
	lifetime       = "300" // seconds, and far longer than any run
)

// session is the session token that the metadata service gave last. When a token
// expires, requests that went side by side are all refused; they get one between them.
type session struct {
	mu    sync.Mutex
	token string // "" while there is none that is worth sending
}

// get returns the token. Where there is none it asks for one, and whoever else wants it
// waits: with the same end of time, since requests side by side have one context.
func (s *session) get(ask func() ([]byte, *Error)) (string, *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == "" {
		token, err := ask()
		if err != nil {
			return "", err
		}
		s.token = string(token)
	}
	return s.token, nil
}

// forget forgets a token that was refused, unless there is a newer one.
func (s *session) forget(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == token {
		s.token = ""
	}
}

// checkToken accepts a session token that can be sent in a header.
func checkToken(token []byte) error {
	for _, c := range token {
		if c <= ' ' || c > '~' {
			return fmt.Errorf("the session token, %.60q, is not printable text", token)
		}
	}
	if len(token) == 0 {
		return errors.New("the session token is empty")
	}
	return nil
}
