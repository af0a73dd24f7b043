package scene

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"

	"golang.org/x/crypto/ssh"
)

// maxKey is the length of the longest public-key line that the API takes.
const maxKey = 4096

// Push pushes new keys for a user and returns the fingerprint of the last one.
func (s *Scene) Push(user string, keys int) (fingerprint string, err error) {
	return s.push(user, keys, "")
}

// PushLong does the same with keys whose lines are as long as the API takes.
func (s *Scene) PushLong(user string, keys int) (fingerprint string, err error) {
	return s.push(user, keys, strings.Repeat("x", maxKey))
}

func (s *Scene) push(user string, keys int, comment string) (fingerprint string, err error) {
	for range keys {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return "", err
		}
		key, err := ssh.NewPublicKey(public)
		if err != nil {
			return "", err
		}
		line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " " + comment
		if _, err := s.Sim.Push(user, strings.TrimSpace(line[:min(len(line), maxKey)])); err != nil {
			return "", err
		}
		fingerprint = ssh.FingerprintSHA256(key)
	}
	_, err = s.DocumentSize(user) // the first to ask waits until all blocks are signed
	return fingerprint, err
}

// DocumentSize is the length in bytes of the document that is served for a user.
func (s *Scene) DocumentSize(user string) (int64, error) {
	token, err := s.ask(http.MethodPut, "/latest/api/token", "X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
	if err != nil {
		return 0, err
	}
	document, err := s.ask(http.MethodGet, "/latest/meta-data/managed-ssh-keys/active-keys/"+user,
		"X-Aws-Ec2-Metadata-Token", string(token))
	return int64(len(document)), err
}

// ask sends the metadata service one request with a header.
func (s *Scene) ask(method, path, name, value string) ([]byte, error) {
	request, err := http.NewRequest(method, s.Sim.IMDS[0]+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set(name, value)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end or given up
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}
