// Package metadata fetches what EC2 Instance Connect needs from the EC2 instance metadata
// service (IMDS). No other package talks to IMDS.
//
// The session token, the requests and the retry loop are those of the imds client of the
// AWS SDK. This package decides where the client connects, how much it may read, and
// which failures it retries. It guarantees that:
//
//   - only IMDSv2 is used;
//   - no environment variable affects where a request goes;
//   - no proxy is used and no redirect is followed;
//   - no answer is read beyond its limit;
//   - every call ends when its context does.
//
// The package does not verify answers. It returns the bytes that it received, and anybody
// who can forge packets on the host may have written them.
package metadata

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

// The greatest number of bytes accepted in an answer. A longer answer is an error.
const (
	maxActiveKeys = 1 << 20
	maxChain      = 64 << 10
	maxStaple     = 32 << 10
	maxOther      = 4 << 10
)

// Stage names a request by what it fetches.
type Stage string

// The stages, as errors and Exchanges name them.
const (
	StageConnect    Stage = "connect"
	StageToken      Stage = "token"
	StageActiveKeys Stage = "active-keys"
	StageInstanceID Stage = "instance-id"
	StageRegion     Stage = "region"
	StageZone       Stage = "availability-zone"
	StageDomain     Stage = "domain"
	StageSigner     Stage = "signer-cert"
	StageStapleList Stage = "staple-list"
	StageStaple     Stage = "staple"
)

// Paths below /latest/meta-data/.
const (
	activeKeysPath   = "managed-ssh-keys/active-keys/"
	signerPath       = "managed-ssh-keys/signer-cert"
	stapleListPath   = "managed-ssh-keys/signer-ocsp"
	instanceIDPath   = "instance-id"
	regionPath       = "placement/region"
	availabilityPath = "placement/availability-zone"
	domainPath       = "services/domain"
)

// ErrNotFound means that the metadata service answered 404. For active keys this is the
// usual answer: no key has been pushed for the user.
var ErrNotFound = errors.New("not found (404)")

// Error is a failure of one request to the metadata service.
type Error struct {
	Stage Stage
	Err   error
}

func (e *Error) Error() string {
	if e.Stage == StageConnect {
		return fmt.Sprintf("connecting to the metadata service: %v", e.Err)
	}
	return fmt.Sprintf("asking the metadata service for %s: %v", e.Stage, e.Err)
}

// Unwrap returns the failure itself.
func (e *Error) Unwrap() error { return e.Err }

// Options say which metadata service to use, and who observes the requests.
type Options struct {
	// Endpoint is "http://ADDRESS[:PORT]". If it is empty, IMDS's IPv4 address is tried,
	// and then its IPv6 address.
	Endpoint string
	// Observe, if not nil, is called after each Exchange, possibly from several
	// goroutines at once.
	Observe func(Exchange)
}

// Client sends requests to one metadata service. Its methods may be called concurrently,
// and return errors of type *Error only.
type Client struct {
	host string // the host in the requests' URLs
	wire *wire
	// session is the SDK's client with its session token, or without one before the first
	// request.
	session atomic.Pointer[imds.Client]
}

// Connect opens a connection to the metadata service and returns a Client that uses it.
// It sends no request. If the service cannot be reached, the error names each address
// tried.
func Connect(ctx context.Context, options Options) (*Client, error) {
	endpoints, err := endpointsOf(options.Endpoint)
	if err != nil {
		return nil, &Error{StageConnect, err}
	}
	endpoint, conn, err := dialFirst(ctx, endpoints)
	if err != nil {
		return nil, &Error{StageConnect, err}
	}
	return newClient(endpoint, conn, options.Observe), nil
}

// newClient returns a Client for an endpoint. Its first request uses the given
// connection.
func newClient(endpoint endpoint, first net.Conn, observe func(Exchange)) *Client {
	c := &Client{host: endpoint.host, wire: newWire(endpoint.address, first, observe)}
	c.session.Store(c.newSession())
	return c
}

// newSession returns a client of the SDK without a token. Each option set here would
// otherwise come from the environment.
func (c *Client) newSession() *imds.Client {
	return imds.New(imds.Options{
		Endpoint:                 "http://" + c.host,
		HTTPClient:               c.wire,
		Retryer:                  retryer{},
		ClientEnableState:        imds.ClientEnabled,
		EnableFallback:           aws.FalseTernary, // the context's deadline is the only one
		DisableDefaultTimeout:    true,             // the context has the only deadline
		DisableDefaultMaxBackoff: true,
	})
}

// renew replaces the session whose token was refused. Concurrent requests that were
// refused share one new session, and so one new token. If the SDK renewed the token
// itself, a late refusal of the old token would make it discard the new one.
func (c *Client) renew(refused *imds.Client) *imds.Client {
	c.session.CompareAndSwap(refused, c.newSession())
	return c.session.Load()
}

// Close closes the connections. Call it after the last request.
func (c *Client) Close() { c.wire.close() }

// ActiveKeys returns the active-keys document of a user, at most 1 MiB, or ErrNotFound.
// The name must satisfy activekeys.ValidUser.
func (c *Client) ActiveKeys(ctx context.Context, user string) ([]byte, error) {
	return c.get(ctx, StageActiveKeys, activeKeysPath+user, maxActiveKeys)
}

// InstanceID returns the body of instance-id.
func (c *Client) InstanceID(ctx context.Context) ([]byte, error) {
	return c.get(ctx, StageInstanceID, instanceIDPath, maxOther)
}

// Region returns the body of placement/region. A metadata service that is too old to have
// it answers with ErrNotFound.
func (c *Client) Region(ctx context.Context) ([]byte, error) {
	return c.get(ctx, StageRegion, regionPath, maxOther)
}

// AvailabilityZone returns the body of placement/availability-zone.
func (c *Client) AvailabilityZone(ctx context.Context) ([]byte, error) {
	return c.get(ctx, StageZone, availabilityPath, maxOther)
}

// Domain returns the body of services/domain.
func (c *Client) Domain(ctx context.Context) ([]byte, error) {
	return c.get(ctx, StageDomain, domainPath, maxOther)
}

// SignerCertificate returns the body of managed-ssh-keys/signer-cert, at most 64 KiB.
func (c *Client) SignerCertificate(ctx context.Context) ([]byte, error) {
	return c.get(ctx, StageSigner, signerPath, maxChain)
}

// StapleList returns the body of managed-ssh-keys/signer-ocsp: the names of the staples,
// one per line.
func (c *Client) StapleList(ctx context.Context) ([]byte, error) {
	return c.get(ctx, StageStapleList, stapleListPath, maxOther)
}

// Staple returns the staple listed under name, at most 32 KiB. The name must consist of
// letters and digits.
func (c *Client) Staple(ctx context.Context, name string) ([]byte, error) {
	return c.get(ctx, StageStaple, stapleListPath+"/"+name, maxStaple)
}

// get fetches one path below /latest/meta-data/. It retries until it has an answer, a
// failure is not transient, or the context ends.
func (c *Client) get(ctx context.Context, stage Stage, name string, limit int) ([]byte, error) {
	if path.Clean("/"+name) != "/"+name {
		// The SDK would clean the path and fetch another one.
		return nil, &Error{stage, fmt.Errorf("the path %q is not clean", name)}
	}
	call := &call{stage: stage, limit: limit}
	session := c.session.Load()
	body, err := call.ask(ctx, session, name)
	if call.tokenRefused() {
		// The token was refused, usually because it has expired. Try once more with a new
		// one.
		body, err = call.ask(ctx, c.renew(session), name)
		if call.tokenRefused() {
			call.failure.Err = errTokenRefused
		}
	}
	if err != nil {
		return nil, call.finalError(ctx, err)
	}
	return body, nil
}
