package metadata

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ConnectTimeout is how long one of several addresses may take to accept a connection
// before the next address is tried. It leaves time for one lost packet. The last address
// has until the context's deadline.
const ConnectTimeout = 1500 * time.Millisecond

// DefaultPort is the TCP port of the metadata service.
const DefaultPort = 80

// Addresses returns the metadata service's addresses in the form of Options.Endpoint, in
// the order in which they are tried: IPv4 first.
//
// Source: Amazon EC2 User Guide, "Access instance metadata".
func Addresses() []string {
	return []string{"http://169.254.169.254", "http://[fd00:ec2::254]"}
}

// endpoint is one address of a metadata service.
type endpoint struct {
	host    string // "ADDRESS[:PORT]", as in a URL
	address string // "ADDRESS:PORT"
}

// endpointsOf returns the addresses to try, in order.
func endpointsOf(explicit string) ([]endpoint, error) {
	urls := []string{explicit}
	if explicit == "" {
		urls = Addresses()
	}
	port := ":" + strconv.Itoa(DefaultPort)
	endpoints := make([]endpoint, len(urls))
	for i, text := range urls {
		address, err := ParseEndpoint(text)
		if err != nil {
			return nil, err
		}
		endpoints[i] = endpoint{strings.TrimSuffix(address.String(), port), address.String()}
	}
	return endpoints, nil
}

// ParseEndpoint returns the address and port of "http://ADDRESS[:PORT]", where ADDRESS is
// an IPv4 address, or an IPv6 address in brackets. A host name is refused: whoever
// controls DNS would control where it leads.
func ParseEndpoint(text string) (netip.AddrPort, error) {
	wrong := func(why string) (netip.AddrPort, error) {
		return netip.AddrPort{}, fmt.Errorf("the endpoint %q %s; expected http://ADDRESS[:PORT], such as http://169.254.169.254", text, why)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return wrong("is not a URL")
	case u.Scheme != "http":
		return wrong("is not http")
	case u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "":
		return wrong("has more than an address and a port")
	}
	port := u.Port()
	if port == "" {
		port = strconv.Itoa(DefaultPort)
	}
	address, err := netip.ParseAddrPort(net.JoinHostPort(u.Hostname(), port))
	if err != nil || address.Port() == 0 {
		return wrong("has no IP address and port")
	}
	return address, nil
}

// dialFirst connects to the first endpoint that accepts a connection.
func dialFirst(ctx context.Context, endpoints []endpoint) (endpoint, net.Conn, error) {
	var failure error
	for i, e := range endpoints {
		dialer := net.Dialer{}
		if i < len(endpoints)-1 {
			dialer.Timeout = ConnectTimeout
		}
		conn, err := dialer.DialContext(ctx, "tcp", e.address)
		// Thousands of logins a minute can exhaust the local ports for a moment. An
		// address that is unreachable for good gives the same error, so the number of
		// attempts is limited.
		for attempt := 1; i == 0 && attempt < len(waits) && errors.Is(err, syscall.EADDRNOTAVAIL) && pause(ctx, attempt); attempt++ {
			conn, err = dialer.DialContext(ctx, "tcp", e.address)
		}
		if err == nil {
			return e, conn, nil
		}
		if failure == nil {
			failure = err
		} else {
			failure = fmt.Errorf("%w; %w", failure, err)
		}
	}
	return endpoint{}, nil, failure
}
