// Package service simulates the EC2 Instance Connect API as real clients call it: AWS
// JSON 1.1 over HTTP.
//
// SendSSHPublicKey validates its parameters as the real API does, and puts the key on a
// Board. An iam.Gate decides who may call it. SendSerialConsoleSSHPublicKey is answered
// with a documented error.
package service

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"eic/internal/sim/cloudtrail"
	"eic/internal/sim/ec2"
	"eic/internal/sim/iam"
	"eic/internal/sim/sigv4"
	"eic/internal/sim/uuid"
)

const (
	targetPrefix = "AWSEC2InstanceConnectService."

	maxBody = 64 << 10
)

// Options say which instance the API knows, and how it answers.
type Options struct {
	// Instance is the only instance.
	Instance ec2.Instance
	// Gate identifies callers and decides whether they may call.
	Gate *iam.Gate
	// Trail receives the event of each call.
	Trail *cloudtrail.Log
	// Board is where pushed keys go.
	Board *Board
	// Error, if not empty, is one of Errors. Every SendSSHPublicKey is answered with it.
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
	id := uuid.New()
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

// call executes one call.
func (s *Server) call(w http.ResponseWriter, r *http.Request, id string) *apiError {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return &apiError{"SerializationException", err.Error()}
	}
	caller, err := s.options.Gate.Signed(r, body, iam.Service)
	if err != nil {
		return unsigned(err)
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
	if err := json.Unmarshal(body, &req); err != nil {
		return &apiError{"SerializationException", err.Error()}
	}
	failed := s.push(r, caller, req, id)
	s.record(r, caller, req, id, failed)
	return failed
}

// push validates a call and adds its key.
func (s *Server) push(r *http.Request, caller cloudtrail.Caller, req request, id string) *apiError {
	if s.options.Error != "" {
		return &apiError{s.options.Error, "Asked for when the simulator was started."}
	}
	if failed := validate(req); failed != nil {
		return failed
	}
	err := s.options.Gate.Authorize(caller, r, iam.Request{
		Action: "ec2-instance-connect:SendSSHPublicKey", Resource: s.named(req).ARN(),
		Context: map[string]string{iam.OSUser: req.InstanceOSUser},
	})
	if err != nil {
		return &apiError{"AccessDeniedException", err.Error()}
	}
	if !s.exists(req) {
		return &apiError{"EC2InstanceNotFoundException", "The specified instance was not found."}
	}
	s.options.Board.Add(Pushed{
		User:      req.InstanceOSUser,
		Key:       strings.TrimSpace(req.SSHPublicKey),
		Caller:    caller.ARN,
		RequestID: id,
	})
	return nil
}

// named returns the instance that a call names, which need not exist.
func (s *Server) named(req request) ec2.Instance {
	i := s.options.Instance
	i.ID = req.InstanceID
	return i
}

// record writes the event of a call. An event that cannot be written does not affect the
// answer.
func (s *Server) record(r *http.Request, caller cloudtrail.Caller, req request, id string, failed *apiError) {
	call := cloudtrail.Call{
		Name: "SendSSHPublicKey", Request: r, Caller: caller, ID: id,
		Parameters: map[string]any{
			"instanceId": req.InstanceID, "osUser": req.InstanceOSUser,
			"SSHKey": map[string]string{"publicKey": req.SSHPublicKey},
		},
		ResourceType: "AWS::EC2::Instance", ResourceARN: s.named(req).ARN(),
	}
	if failed != nil {
		call.ErrorCode, call.ErrorMessage = failed.code, failed.message
		if failed.code == "AccessDeniedException" {
			call.ErrorCode = "AccessDenied" // as CloudTrail calls it for every service
		}
	}
	_ = s.options.Trail.Record(call)
}

// Push does what a valid call does, for any key line. It returns the request id.
func (s *Server) Push(user, key string) string {
	id := uuid.New()
	s.options.Board.Add(Pushed{
		User: user, Key: strings.TrimSpace(key), Caller: s.options.Gate.Caller, RequestID: id,
	})
	return id
}

// unsigned returns the protocol's error for a refused signature.
func unsigned(err error) *apiError {
	switch {
	case errors.Is(err, sigv4.ErrMissing):
		return &apiError{"MissingAuthenticationTokenException", "Missing Authentication Token"}
	case errors.Is(err, sigv4.ErrIncomplete):
		return &apiError{"IncompleteSignatureException", err.Error()}
	case errors.Is(err, sigv4.ErrUnknownKey):
		return &apiError{"UnrecognizedClientException", "The security token included in the request is invalid."}
	case errors.Is(err, sigv4.ErrExpired):
		return &apiError{"InvalidSignatureException", err.Error()}
	}
	return &apiError{"InvalidSignatureException",
		"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method."}
}
