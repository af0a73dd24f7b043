package sim

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"eic/internal/sim/ca"
	"eic/internal/sim/service"
)

// Options say what is simulated. Every field has a default.
type Options struct {
	// IMDS are the addresses, host:port, on which the metadata service listens;
	// by default a free port on 127.0.0.1.
	IMDS []string
	// API is the address on which the EC2 Instance Connect API listens; by
	// default a free port on 127.0.0.1.
	API string

	// InstanceID, Region, AvailabilityZone and Domain are what the metadata
	// service says of the instance.
	InstanceID, Region, AvailabilityZone, Domain string
	// Caller is the IAM principal in whose name keys are pushed.
	Caller string
	// TTL is how long a pushed key is served, rounded up to the next whole
	// second; by default a minute.
	TTL time.Duration

	// Delay passes before each answer of the metadata service.
	Delay time.Duration
	// Throttle is the share of its requests, 0 to 1, that it answers 503; which
	// ones depends on Seed.
	Throttle float64
	Seed     uint64
	// RequestLog gets one line of JSON for each of its requests.
	RequestLog io.Writer

	// Faults are names out of Faults(). They add up.
	Faults []string
	// APIError, one of service.Errors(), is what the API answers every call
	// with.
	APIError string

	// Keys are the key pairs and roots to use. Simulators that share them
	// start faster and have the same trust anchors.
	Keys *ca.Keys
}

// Defaults of Options.
const (
	DefaultInstanceID = "i-0123456789abcdef0"
	DefaultRegion     = "us-east-1"
	DefaultDomain     = "amazonaws.com"
	DefaultCaller     = "arn:aws:iam::123456789012:user/alice"
	DefaultTTL        = time.Minute
)

// complete returns the options with the defaults filled in.
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
	if o.TTL == 0 {
		o.TTL = DefaultTTL
	}
	if o.Keys == nil {
		o.Keys = new(ca.Keys)
	}
	return o
}

// Check says what is wrong with options that Start would not take.
func (o Options) Check() error {
	switch {
	case o.Throttle < 0 || o.Throttle > 1:
		return fmt.Errorf("throttling a share of %v of all requests: 0 to 1 is possible", o.Throttle)
	case o.TTL < 0:
		return fmt.Errorf("a time to live of %s: more than nothing is possible", o.TTL)
	case o.APIError != "" && !slices.Contains(service.Errors(), o.APIError):
		return fmt.Errorf("unknown API error %q: there are %s", o.APIError, strings.Join(service.Errors(), ", "))
	}
	for _, name := range o.Faults {
		if !slices.ContainsFunc(Faults(), func(f Fault) bool { return f.Name == name }) {
			return fmt.Errorf("unknown fault %q: \"eic-sim faults\" lists those there are", name)
		}
	}
	return nil
}
