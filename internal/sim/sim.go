// Package sim is a stand-in for AWS, for tests and demonstrations of EC2 Instance
// Connect: an instance metadata service, the API that keys are pushed with, and the
// PKI that signs them, all in one process.
//
// It is written from the public facts alone and shares no code with the program it
// stands opposite to, so that a misreading on either side shows. It is not for
// production: whoever reaches it may push any key for any user.
//
// What may go wrong with such a service can be asked for by name; Faults lists it.
package sim

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"eic/internal/sim/imds"
	"eic/internal/sim/service"
)

// Sim is a running simulator.
type Sim struct {
	// IMDS are the metadata service's addresses as URLs, in the order in which
	// they were asked for; API is the API's.
	IMDS []string
	API  string
	// Roots is PEM text with the certificates to trust.
	Roots []byte

	metadata *imds.Server
	service  *service.Server
	servers  []*http.Server
	serving  sync.WaitGroup
}

// Start starts a simulator. The caller closes it.
func Start(options Options) (*Sim, error) {
	if err := options.Check(); err != nil {
		return nil, err
	}
	options = options.complete()
	w := goodWorld(options)
	for _, fault := range Faults() {
		if slices.Contains(options.Faults, fault.Name) {
			fault.apply(w)
		}
	}
	anchors, err := options.Keys.Anchors()
	if err != nil {
		return nil, fmt.Errorf("making the roots: %w", err)
	}
	board := &service.Board{TTL: options.TTL}
	content, err := w.content(board)
	if err != nil {
		return nil, fmt.Errorf("making the simulated world: %w", err)
	}
	s := &Sim{
		Roots: anchors.PEM(),
		metadata: imds.New(imds.Options{
			Content: content, Faults: w.faults, Delay: options.Delay,
			Throttle: options.Throttle, Seed: options.Seed, Log: options.RequestLog,
		}),
		service: service.New(service.Options{
			InstanceID: options.InstanceID, AvailabilityZone: options.AvailabilityZone,
			Caller: options.Caller, Board: board, Error: options.APIError,
		}),
	}
	if err := s.listen(options, w.ipv6Only); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Push pushes a public-key line for a user as a call of the API would, and returns
// the request id. Unlike the API it takes any line.
func (s *Sim) Push(user, key string) (string, error) { return s.service.Push(user, key) }

// Stats returns what was asked of the metadata service so far.
func (s *Sim) Stats() imds.Stats { return s.metadata.Stats() }

// ResetStats starts counting anew.
func (s *Sim) ResetStats() { s.metadata.ResetStats() }

// Close ends every listener and connection. When it returns the addresses are free.
func (s *Sim) Close() {
	s.metadata.Close()
	for _, server := range s.servers {
		_ = server.Close() // there is nothing left to lose
	}
	s.serving.Wait()
}

// listen opens the listeners and serves on them.
func (s *Sim) listen(o Options, ipv6Only bool) error {
	addresses := o.IMDS
	if ipv6Only {
		addresses = onlyIPv6(addresses)
	}
	for _, address := range addresses {
		url, err := s.serve(address, s.metadata.HTTP())
		if err != nil {
			return fmt.Errorf("listening for the metadata service: %w", err)
		}
		s.IMDS = append(s.IMDS, url)
	}
	var err error
	if s.API, err = s.serve(o.API, &http.Server{Handler: s.service, ReadHeaderTimeout: 10 * time.Second}); err != nil {
		return fmt.Errorf("listening for the API: %w", err)
	}
	return nil
}

// serve starts a server on an address and returns its URL.
func (s *Sim) serve(address string, server *http.Server) (string, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	s.servers = append(s.servers, server)
	s.serving.Go(func() {
		_ = server.Serve(listener) // it ends when it is closed
	})
	return "http://" + listener.Addr().String(), nil
}

// onlyIPv6 leaves out the IPv4 addresses; if none is left it is a free port on the
// IPv6 loopback address.
func onlyIPv6(addresses []string) []string {
	var kept []string
	for _, address := range addresses {
		host, _, err := net.SplitHostPort(address)
		if ip := net.ParseIP(host); err == nil && ip != nil && ip.To4() == nil {
			kept = append(kept, address)
		}
	}
	if len(kept) == 0 {
		return []string{"[::1]:0"}
	}
	return kept
}
