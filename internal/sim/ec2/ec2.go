// Package ec2 simulates the part of Amazon EC2's query API that clients of EC2 Instance
// Connect call: DescribeInstances and DescribeInstanceConnectEndpoints, for one instance
// and its Endpoints.
//
// It answers in XML as described in the "Amazon EC2 API Reference", version 2016-11-15.
package ec2

import (
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"eic/internal/sim/cloudtrail"
	"eic/internal/sim/iam"
	"eic/internal/sim/sigv4"
	"eic/internal/sim/uuid"
)

const (
	namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"
	maxBody   = 64 << 10
)

// Instance is the only instance.
type Instance struct {
	ID, Region, AvailabilityZone string
	// PrivateIP is required; PublicIP and IPv6 may be "".
	PrivateIP, PublicIP, IPv6 string
	VPC, Subnet               string
	// Domain is the domain of AWS's services.
	Domain string
	// Partition and Account are used in ARNs.
	Partition, Account string
}

// ARN is the instance's Amazon Resource Name.
func (i Instance) ARN() string { return i.arn("instance/" + i.ID) }

func (i Instance) arn(resource string) string {
	return fmt.Sprintf("arn:%s:ec2:%s:%s:%s", i.Partition, i.Region, i.Account, resource)
}

// Endpoint is an EC2 Instance Connect Endpoint in the instance's VPC.
type Endpoint struct {
	ID, Subnet string
	// DNSName and FIPSDNSName are the names that clients connect to.
	DNSName, FIPSDNSName string
	ARN                  string
}

// Endpoint returns the Endpoint with an id, in one of the VPC's subnets.
func (i Instance) Endpoint(id, subnet string) Endpoint {
	sum := sha256.Sum256([]byte(id))
	name := func(infix string) string {
		return fmt.Sprintf("%s.%x.%sec2-instance-connect-endpoint.%s.%s", id, sum[:4], infix, i.Region, i.Domain)
	}
	return Endpoint{
		ID: id, Subnet: subnet, DNSName: name(""), FIPSDNSName: name("fips."),
		ARN: i.arn("instance-connect-endpoint/" + id),
	}
}

// Options say what exists, and how calls are answered.
type Options struct {
	Instance  Instance
	Endpoints []Endpoint
	Gate      *iam.Gate
	// Throttled answers every call with RequestLimitExceeded.
	Throttled bool
}

// Server is the API. It implements http.Handler.
type Server struct {
	options Options
}

// New returns an API that behaves as the options say.
func New(options Options) *Server { return &Server{options} }

// apiError is an error of the query protocol.
type apiError struct {
	status        int
	code, message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func invalid(code, format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

// errorAnswer is the body of an error.
type errorAnswer struct {
	XMLName struct{} `xml:"Response"`
	Code    string   `xml:"Errors>Error>Code"`
	Message string   `xml:"Errors>Error>Message"`
	ID      string   `xml:"RequestID"`
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := uuid.New()
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.Header().Set("X-Amzn-Requestid", id)
	answer, err := s.call(w, r, id)
	if failed := (*apiError)(nil); errors.As(err, &failed) {
		w.WriteHeader(failed.status)
		answer = errorAnswer{Code: failed.code, Message: failed.message, ID: id}
	}
	_, _ = w.Write([]byte(xml.Header)) // a client that has left needs no answer
	_ = xml.NewEncoder(w).Encode(answer)
}

// call executes one call. Its error is an *apiError.
func (s *Server) call(w http.ResponseWriter, r *http.Request, id string) (any, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, invalid("MalformedQueryString", "%v", err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalid("MalformedQueryString", "%v", err)
	}
	caller, err := s.options.Gate.Signed(r, body, "ec2")
	if err != nil {
		return nil, unsigned(err)
	}
	if s.options.Throttled {
		return nil, &apiError{http.StatusServiceUnavailable, "RequestLimitExceeded", "Request limit exceeded."}
	}
	action := form.Get("Action")
	describe, known := map[string]func(url.Values, string) (any, error){
		"DescribeInstances":                s.describeInstances,
		"DescribeInstanceConnectEndpoints": s.describeEndpoints,
	}[action]
	if !known {
		return nil, invalid("InvalidAction", "The action %s is not valid for this web service.", action)
	}
	if err := s.authorize(caller, r, action); err != nil {
		return nil, err
	}
	return describe(form, id)
}

func (s *Server) authorize(caller cloudtrail.Caller, r *http.Request, action string) error {
	err := s.options.Gate.Authorize(caller, r, iam.Request{Action: "ec2:" + action, Resource: "*"})
	if err == nil {
		return nil
	}
	return &apiError{http.StatusForbidden, "UnauthorizedOperation", "You are not authorized to perform this operation. " + err.Error()}
}

// unsigned returns the protocol's error for a refused signature.
func unsigned(err error) *apiError {
	switch {
	case errors.Is(err, sigv4.ErrMissing):
		return &apiError{http.StatusForbidden, "MissingAuthenticationToken", "The request must contain valid AWS credentials."}
	case errors.Is(err, sigv4.ErrIncomplete):
		return invalid("IncompleteSignature", "%v", err)
	case errors.Is(err, sigv4.ErrExpired):
		return invalid("RequestExpired", "%v", err)
	}
	return &apiError{http.StatusUnauthorized, "AuthFailure", "AWS was not able to validate the provided access credentials"}
}

// IsQuery reports whether a request uses this API's protocol.
func IsQuery(r *http.Request) bool {
	return r.Header.Get("X-Amz-Target") == "" && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}
