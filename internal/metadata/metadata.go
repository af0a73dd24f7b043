// Package metadata asks the EC2 instance metadata service (IMDS) for what EC2
// Instance Connect needs. It is the only package that talks to it.
//
// The session token, the requests and the retry loop are those of the imds client of
// the AWS SDK. This package says where the client connects, what it may read, and
// which failures it retries. It guarantees that only IMDSv2 is spoken, that nothing
// in the environment decides where a request goes, that no proxy is used and no
// redirect followed, that no answer is read past its bound, and that everything ends
// with the context. It does not verify answers: it returns bytes as they came, and
// whoever can forge packets on the host may have written them.
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

// The greatest number of bytes read of an answer. More is an error.
const (
	maxActiveKeys = 1 << 20
	maxChain      = 64 << 10
	maxStaple     = 32 << 10
	maxOther      = 4 << 10
)

// Stage names a request by what it asks for.
type Stage string

// The requests there are. The names are the ones that errors and Exchanges
// carry.
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

// ErrNotFound is the answer 404: there is no such thing. For active keys that
// is the usual case and means that nobody pushed a key for the user.
var ErrNotFound = errors.New("not found (404)")

// Error says at which request the metadata service failed, and how.
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

// Options say where the metadata service is and who watches.
type Options struct {
	// Endpoint is "http://ADDRESS[:PORT]". Empty means IMDS's IPv4 address,
	// and if that cannot be reached its IPv6 address.
	Endpoint string
	// Observe, if set, is called after each Exchange, possibly from several
	// goroutines at once.
	Observe func(Exchange)
}

// Client asks one metadata service. Its methods may be called from several
// goroutines at once. All their errors are of type *Error.
type Client struct {
	host string // of the requests' URLs
	wire *wire
	// session is the SDK's client with the session token that it got, or none yet.
	session atomic.Pointer[imds.Client]
}

// Connect reaches the metadata service and returns a Client for it, on the
// connection made. It sends no request yet. If the service cannot be reached
// the error names each address tried.
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

// newClient returns a Client for an endpoint on the first connection to it.
func newClient(endpoint endpoint, first net.Conn, observe func(Exchange)) *Client {
	c := &Client{host: endpoint.host, wire: newWire(endpoint.address, first, observe)}
	c.session.Store(c.newSession())
	return c
}

// newSession returns a client of the SDK without a token. Each option that is set here
// would otherwise be the environment's to set.
func (c *Client) newSession() *imds.Client {
	return imds.New(imds.Options{
		Endpoint:                 "http://" + c.host,
		HTTPClient:               c.wire,
		Retryer:                  retryer{},
		ClientEnableState:        imds.ClientEnabled,
		EnableFallback:           aws.FalseTernary, // never IMDSv1
		DisableDefaultTimeout:    true,             // the context has the only deadline
		DisableDefaultMaxBackoff: true,
	})
}

// renew returns a session in place of the one whose token was refused. Calls that were
// refused in parallel share it, and so one new token. Left to renew the token itself,
// the SDK drops a new one whenever the old one is refused late.
func (c *Client) renew(refused *imds.Client) *imds.Client {
	c.session.CompareAndSwap(refused, c.newSession())
	return c.session.Load()
}

// Close closes the connections. It is to be called after the last request.
func (c *Client) Close() { c.wire.close() }

// ActiveKeys returns the active-keys document of a user, at most 1 MiB, or
// ErrNotFound. The name must have been found valid by activekeys.ValidUser.
func (c *Client) ActiveKeys(ctx context.Context, user string) ([]byte, error) {
	return c.get(ctx, StageActiveKeys, activeKeysPath+user, maxActiveKeys)
}

// InstanceID returns the answer of instance-id.
func (c *Client) InstanceID(ctx context.Context) ([]byte, error) {
	return c.get(ctx, StageInstanceID, instanceIDPath, maxOther)
}

// Region returns the answer of placement/region, or ErrNotFound from metadata
// services too old to have it.
func (c *Client) Region(ctx context.Context) ([]byte, error) {
	return c.get(ctx, StageRegion, regionPath, maxOther)
}

// AvailabilityZone returns the answer of placement/availability-zone.
func (c *Client) AvailabilityZone(ctx context.Context) ([]byte, error) {
	return c.get(ctx, StageZone, availabilityPath, maxOther)
}

// Domain returns the answer of services/domain.
func (c *Client) Domain(ctx context.Context) ([]byte, error) {
	return c.get(ctx, StageDomain, domainPath, maxOther)
}

// SignerCertificate returns the answer of managed-ssh-keys/signer-cert, at
// most 64 KiB.
func (c *Client) SignerCertificate(ctx context.Context) ([]byte, error) {
	return c.get(ctx, StageSigner, signerPath, maxChain)
}

// StapleList returns the answer of managed-ssh-keys/signer-ocsp: the staples'
// names, one a line.
func (c *Client) StapleList(ctx context.Context) ([]byte, error) {
	return c.get(ctx, StageStapleList, stapleListPath, maxOther)
}

// Staple returns the staple listed under name, at most 32 KiB. The name must
// be letters and digits.
func (c *Client) Staple(ctx context.Context, name string) ([]byte, error) {
	return c.get(ctx, StageStaple, stapleListPath+"/"+name, maxStaple)
}

// get asks for one path below /latest/meta-data/, until an answer comes, a failure
// that a retry does not fix, or the end of the context.
func (c *Client) get(ctx context.Context, stage Stage, name string, limit int) ([]byte, error) {
	if path.Clean("/"+name) != "/"+name {
		// The SDK would clean the path and ask for something else.
		return nil, &Error{stage, fmt.Errorf("unclean path %q", name)}
	}
	call := &call{stage: stage, limit: limit}
	session := c.session.Load()
	body, err := call.ask(ctx, session, name)
	if call.refused() {
		// A token is refused once it has expired. A new one may be had.
		body, err = call.ask(ctx, c.renew(session), name)
		if call.refused() {
			call.failure.Err = errTokenRefused
		}
	}
	if err != nil {
		return nil, call.explain(ctx, err)
	}
	return body, nil
}
