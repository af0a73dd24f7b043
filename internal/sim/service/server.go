// Package service is the simulated EC2 Instance Connect API, as real clients speak
// it: AWS JSON 1.1 over HTTP.
//
// SendSSHPublicKey checks its parameters as the real one does and puts the key on a
// Board. A request must look signed, but no signature is checked and nobody is
// refused: there are no secrets and no policies here. SendSerialConsoleSSHPublicKey
// is answered with a documented error.
package service

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

const (
	targetPrefix = "AWSEC2InstanceConnectService."

	maxBody = 64 << 10
)

// authorization is the shape of a Signature Version 4 header.
var authorization = regexp.MustCompile(
	`^AWS4-HMAC-SHA256 Credential=[^/,\s]+/\d{8}/[^/,\s]+/ec2-instance-connect/aws4_request,\s*` +
		`SignedHeaders=[a-z0-9;-]+,\s*Signature=[0-9a-f]{64}$`)

// Options say which instance the API knows and how it answers.
type Options struct {
	// InstanceID and AvailabilityZone are of the one instance that exists.
	InstanceID, AvailabilityZone string
	// Caller is the IAM principal that every call comes from.
	Caller string
	// Board is where pushed keys go.
	Board *Board
	// Error, if set, is one of Errors; every SendSSHPublicKey is answered with
	// it.
	Error string
}

// Server is the API. It implements http.Handler.
type Server struct {
	options Options
}

// New returns an API that behaves as the options say.
func New(options Options) *Server {
	return &Server{options: options}
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := newRequestID()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", id)
	status, body := http.StatusOK, map[string]any{"RequestId": id, "Success": true}
	if failed := s.call(w, r, id); failed != nil {
		w.Header().Set("X-Amzn-Errortype", failed.code)
		status, body = failed.status(), map[string]any{"__type": failed.code, "Message": failed.message}
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that has left needs no answer
}

// call carries out one call.
func (s *Server) call(w http.ResponseWriter, r *http.Request, id string) *apiError {
	if failed := checkSigned(r); failed != nil {
		return failed
	}
	operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/" || !ok:
		return &apiError{"UnknownOperationException", ""}
	case operation == "SendSerialConsoleSSHPublicKey":
		return &apiError{"SerialConsoleAccessDisabledException",
			"Your account is not authorized to use the EC2 Serial Console."}
	case operation != "SendSSHPublicKey":
		return &apiError{"UnknownOperationException", ""}
	}
	var req request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&req); err != nil {
		return &apiError{"SerializationException", err.Error()}
	}
	if s.options.Error != "" {
		return &apiError{s.options.Error, "Asked for when the simulator was started."}
	}
	if failed := s.validate(req); failed != nil {
		return failed
	}
	s.options.Board.Add(Pushed{
		User:      req.InstanceOSUser,
		Key:       strings.TrimSpace(req.SSHPublicKey),
		Caller:    s.options.Caller,
		RequestID: id,
	})
	return nil
}

// Push does what a call does that is right, without one, for any key line. It
// returns the request id.
func (s *Server) Push(user, key string) (string, error) {
	id, err := newRequestID()
	if err != nil {
		return "", err
	}
	s.options.Board.Add(Pushed{
		User: user, Key: strings.TrimSpace(key), Caller: s.options.Caller, RequestID: id,
	})
	return id, nil
}

// checkSigned wants the headers of Signature Version 4 and does not verify them.
func checkSigned(r *http.Request) *apiError {
	header := r.Header.Get("Authorization")
	switch {
	case header == "":
		return &apiError{"MissingAuthenticationTokenException", "Missing Authentication Token"}
	case !authorization.MatchString(header) || r.Header.Get("X-Amz-Date") == "":
		return &apiError{"IncompleteSignatureException",
			"Authorization and X-Amz-Date headers of Signature Version 4 are expected."}
	}
	return nil
}

// newRequestID returns a random UUID (RFC 9562, section 5.4).
func newRequestID() (string, error) {
	var u [16]byte
	if _, err := rand.Read(u[:]); err != nil {
		return "", fmt.Errorf("making a request id: %w", err)
	}
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]), nil
}
