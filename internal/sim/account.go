package sim

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"eic/internal/sim/cloudtrail"
	"eic/internal/sim/ec2"
	"eic/internal/sim/iam"
	"eic/internal/sim/proxy"
	"eic/internal/sim/service"
	"eic/internal/sim/tunnel"
)

// account is the side of the simulator that clients see: the two APIs and the Endpoints
// of one AWS account.
type account struct {
	push    *service.Server
	ec2     *ec2.Server
	tunnel  *tunnel.Server
	proxy   *proxy.Proxy
	tls     *tls.Config
	root    []byte
	tunnels []string // the host names of the Endpoints
}

// newAccount returns the account for complete options.
func newAccount(o Options, board *service.Board) (*account, error) {
	front := o.front()
	instance := o.instance()
	endpoints := o.endpoints(instance)
	gate := &iam.Gate{Principals: o.Principals, Caller: o.Caller, Policy: o.Policy}
	apiGate, tunnelGate := *gate, *gate
	apiGate.DenyAll = front.denied
	tunnelGate.DenyAll = front.tunnel == tunnel.Denied
	var trail *cloudtrail.Log
	if o.Events != nil {
		trail = cloudtrail.New(o.Events, o.Region)
	}
	failure := o.APIError
	if front.throttled {
		failure = cmp.Or(failure, "ThrottlingException")
	}
	a := &account{
		push: service.New(service.Options{Instance: instance, Gate: &apiGate, Trail: trail, Board: board, Error: failure}),
		ec2:  ec2.New(ec2.Options{Instance: instance, Endpoints: endpoints, Gate: &apiGate, Throttled: front.throttled}),
		tunnel: tunnel.New(tunnel.Options{
			Instance: instance, Endpoints: endpoints, Gate: &tunnelGate, Trail: trail, Reach: o.Reach, Fault: front.tunnel,
		}),
	}
	names := apiNames(o)
	for _, e := range endpoints {
		a.tunnels = append(a.tunnels, e.DNSName, e.FIPSDNSName)
	}
	names = append(names, a.tunnels...)
	certified := names
	if front.wrongCertificate {
		certified = []string{"another-name.example"}
	}
	certificate, root, err := proxy.Certificate(certified, time.Now())
	if err != nil {
		return nil, err
	}
	a.root, a.proxy = root, proxy.New(names)
	a.tls = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	return a, nil
}

// instance returns the instance that the options describe.
func (o Options) instance() ec2.Instance {
	return ec2.Instance{
		ID: o.InstanceID, Region: o.Region, AvailabilityZone: o.AvailabilityZone, Domain: o.Domain,
		PrivateIP: o.PrivateIP, PublicIP: o.PublicIP, IPv6: o.IPv6, VPC: o.VPC, Subnet: o.Subnet,
		Partition: cloudtrail.Partition(o.Caller), Account: cloudtrail.Account(o.Caller),
	}
}

// endpoints returns the Endpoints that the options describe.
func (o Options) endpoints(instance ec2.Instance) []ec2.Endpoint {
	var endpoints []ec2.Endpoint
	for _, text := range o.Endpoints {
		id, subnet, _ := strings.Cut(text, "=")
		endpoints = append(endpoints, instance.Endpoint(id, cmp.Or(subnet, o.Subnet)))
	}
	return endpoints
}

// apiNames returns the host names of AWS's own APIs in the Region.
func apiNames(o Options) []string {
	var names []string
	for _, service := range []string{"ec2", "ec2-fips", "ec2-instance-connect", "ec2-instance-connect-fips"} {
		names = append(names, service+"."+o.Region+"."+o.Domain)
	}
	return names
}

// ServeHTTP serves both APIs. They share one address and differ in protocol.
func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case slices.Contains(a.tunnels, r.Host):
		a.tunnel.ServeHTTP(w, r)
	case ec2.IsQuery(r):
		a.ec2.ServeHTTP(w, r)
	default:
		a.push.ServeHTTP(w, r)
	}
}

// ParseReach parses a mapping from an address and port of the instance to a real one, as
// in "10.0.0.10:22=127.0.0.1:2222".
func ParseReach(text string) (netip.AddrPort, string, error) {
	from, to, _ := strings.Cut(text, "=")
	target, err := netip.ParseAddrPort(from)
	if err != nil || target.Port() != 22 && target.Port() != 3389 {
		return netip.AddrPort{}, "", fmt.Errorf("%q: expected ADDRESS:22 or ADDRESS:3389 before the equals sign", text)
	}
	if _, err := netip.ParseAddrPort(to); err != nil {
		return netip.AddrPort{}, "", fmt.Errorf("%q: expected ADDRESS:PORT after the equals sign", text)
	}
	return target, to, nil
}
