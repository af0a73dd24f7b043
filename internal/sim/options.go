package sim

import (
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"eic/internal/sim/ca"
	"eic/internal/sim/iam"
	"eic/internal/sim/service"
)

// Options say what to simulate. Every field has a default.
type Options struct {
	// IMDS are the addresses, HOST:PORT, on which the metadata service listens; by
	// default a free port on 127.0.0.1.
	IMDS []string
	// API is the address on which the APIs of EC2 and EC2 Instance Connect listen. Proxy
	// is the address of the proxy to the APIs and the Endpoints. The defaults are free
	// ports on 127.0.0.1.
	API, Proxy string

	// InstanceID, Region, AvailabilityZone and Domain are the values that the metadata
	// service serves.
	InstanceID, Region, AvailabilityZone, Domain string
	// PrivateIP, PublicIP and IPv6 are the instance's addresses, and VPC and Subnet its
	// network. PublicIP and IPv6 are "", meaning none, by default.
	PrivateIP, PublicIP, IPv6, VPC, Subnet string
	// Endpoints are the EC2 Instance Connect Endpoints of the VPC, each ID or ID=SUBNET;
	// by default there is one, in the instance's subnet. An empty slice means none.
	Endpoints []string
	// Reach maps addresses and ports of the instance to the ADDRESS:PORT that tunnels
	// connect to instead.
	Reach map[netip.AddrPort]string

	// Caller is the IAM principal who makes all calls. Every ARN has its account and
	// partition.
	Caller string
	// Principals are the IAM principals whose signatures are verified, by access key id.
	// Without any, no signature is verified.
	Principals map[string]iam.Principal
	// Policy, if not nil, says what callers may do.
	Policy *iam.Policy
	// Events, if not nil, receives one line of JSON, like an event of CloudTrail, for
	// each SendSSHPublicKey and OpenTunnel.
	Events io.Writer
	// TTL is how long a pushed key is served, rounded up to the next whole second; by
	// default one minute.
	TTL time.Duration

	// Delay is the time before each answer of the metadata service.
	Delay time.Duration
	// Throttle is the share of the metadata service's requests, from 0 to 1, that are
	// answered 503. Seed determines which ones.
	Throttle float64
	Seed     uint64
	// RequestLog receives one line of JSON for each request to the metadata service.
	RequestLog io.Writer

	// Faults are names from Faults() and ClientFaults(). They add up.
	Faults []string
	// APIError, one of service.Errors(), is the error that answers every call of the API.
	APIError string

	// Keys are the key pairs and roots to use. Simulators that share them start faster
	// and have the same trust anchors.
	Keys *ca.Keys
}

// Defaults of Options.
const (
	DefaultInstanceID = "i-0123456789abcdef0"
	DefaultRegion     = "us-east-1"
	DefaultDomain     = "amazonaws.com"
	DefaultCaller     = "arn:aws:iam::123456789012:user/alice"
	DefaultTTL        = time.Minute
	DefaultPrivateIP  = "10.0.0.10"
	DefaultVPC        = "vpc-0123456789abcdef0"
	DefaultSubnet     = "subnet-0123456789abcdef0"
	DefaultEndpoint   = "eice-0123456789abcdef0"
)

// complete returns the options with all defaults filled in.
func (o Options) complete() Options {
	if len(o.IMDS) == 0 {
		o.IMDS = []string{"127.0.0.1:0"}
	}
	fill := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	fill(&o.API, "127.0.0.1:0")
	fill(&o.InstanceID, DefaultInstanceID)
	fill(&o.Region, DefaultRegion)
	fill(&o.AvailabilityZone, o.Region+"a")
	fill(&o.Domain, DefaultDomain)
	fill(&o.Caller, DefaultCaller)
	fill(&o.Proxy, "127.0.0.1:0")
	fill(&o.PrivateIP, DefaultPrivateIP)
	fill(&o.VPC, DefaultVPC)
	fill(&o.Subnet, DefaultSubnet)
	if o.Endpoints == nil {
		o.Endpoints = []string{DefaultEndpoint}
	}
	if o.TTL == 0 {
		o.TTL = DefaultTTL
	}
	if o.Keys == nil {
		o.Keys = new(ca.Keys)
	}
	return o
}

// Check returns an error for options that Start would refuse.
func (o Options) Check() error {
	switch {
	case o.Throttle < 0 || o.Throttle > 1:
		return fmt.Errorf("throttling a share of %v of all requests, expected 0 to 1", o.Throttle)
	case o.TTL < 0:
		return fmt.Errorf("time to live %s, expected more than 0", o.TTL)
	case o.APIError != "" && !slices.Contains(service.Errors(), o.APIError):
		return fmt.Errorf("unknown API error %q, expected one of %s", o.APIError, strings.Join(service.Errors(), ", "))
	}
	for _, name := range o.Faults {
		if !slices.ContainsFunc(Faults(), func(f Fault) bool { return f.Name == name }) &&
			!slices.ContainsFunc(ClientFaults(), func(f ClientFault) bool { return f.Name == name }) {
			return fmt.Errorf("unknown fault %q; \"eic-sim faults\" lists all faults", name)
		}
	}
	return o.checkNetwork()
}

var (
	endpointPattern = regexp.MustCompile(`^eice-[0-9a-f]{17}(=subnet-[0-9a-f]+)?$`)
	callerPattern   = regexp.MustCompile(`^arn:aws[a-z-]*:(iam|sts)::\d{12}:.+$`)
)

// checkNetwork checks the instance's addresses, the Endpoints and the callers.
func (o Options) checkNetwork() error {
	for name, text := range map[string]string{"private": o.PrivateIP, "public": o.PublicIP, "IPv6": o.IPv6} {
		if a, err := netip.ParseAddr(text); text != "" && (err != nil || a.Is6() != (name == "IPv6")) {
			return fmt.Errorf("the instance's %s address: %q is not a valid address", name, text)
		}
	}
	for _, endpoint := range o.Endpoints {
		if !endpointPattern.MatchString(endpoint) {
			return fmt.Errorf("the Endpoint %q: expected eice- and 17 hexadecimal digits, and =SUBNET if it is in another subnet than the instance", endpoint)
		}
	}
	callers := []string{o.Caller}
	for _, p := range o.Principals {
		callers = append(callers, p.ARN)
	}
	for _, arn := range callers {
		if arn != "" && !callerPattern.MatchString(arn) {
			return fmt.Errorf("the caller %q: expected the ARN of an IAM principal, as in %s", arn, DefaultCaller)
		}
	}
	return nil
}
