// Package sim is a stand-in for AWS, for tests and demonstrations of EC2 Instance
// Connect, all in one process: an instance metadata service and the PKI that signs
// keys on the instance's side; on the client's side the API that keys are pushed with,
// EC2's calls that describe instances, the Endpoint's tunnel, IAM and CloudTrail.
//
// It is written from the public facts alone and shares no code with the program it
// stands opposite to, so that a misreading on either side shows. It is not for
// production: whoever reaches it may push any key for any user.
//
// What may go wrong with such a service can be asked for by name; Faults lists it.
package sim

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
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
	// they were asked for; API is that of both APIs, and Proxy that of the proxy
	// that leads to both APIs and the Endpoints by AWS's own names.
	IMDS  []string
	API   string
	Proxy string
	// Roots is PEM text with the certificates that eic has to trust, and TLSRoot
	// with the one that clients have to trust.
	Roots, TLSRoot []byte

	metadata *imds.Server
	account  *account
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
	account, err := newAccount(options, board)
	if err != nil {
		return nil, fmt.Errorf("making the simulated account: %w", err)
	}
	s := &Sim{
		Roots: anchors.PEM(), TLSRoot: account.root, account: account,
		metadata: imds.New(imds.Options{
			Content: content, Faults: w.faults, Delay: options.Delay,
			Throttle: options.Throttle, Seed: options.Seed, Log: options.RequestLog,
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
func (s *Sim) Push(user, key string) (string, error) {
	return s.account.push.Push(user, key), nil
}

// Stats returns what was asked of the metadata service so far.
func (s *Sim) Stats() imds.Stats { return s.metadata.Stats() }

// ResetStats starts counting anew.
func (s *Sim) ResetStats() { s.metadata.ResetStats() }

// Close ends every listener and connection. When it returns the addresses are free.
func (s *Sim) Close() {
	s.metadata.Close()
	_ = s.account.proxy.Close() // it only stops accepting
	for _, server := range s.servers {
		_ = server.Close() // there is nothing left to lose
	}
	s.account.tunnel.Close()
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
	if s.API, err = s.serve(o.API, server(s.account)); err != nil {
		return fmt.Errorf("listening for the API: %w", err)
	}
	if s.Proxy, err = s.serve(o.Proxy, server(s.account.proxy)); err != nil {
		return fmt.Errorf("listening for the proxy: %w", err)
	}
	s.serveOn(tls.NewListener(s.account.proxy, s.account.tls), server(s.account))
	return nil
}

// server serves what clients see. What a client of TLS does wrong is not logged.
func server(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
}

// serve starts a server on an address and returns its URL.
func (s *Sim) serve(address string, server *http.Server) (string, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	s.serveOn(listener, server)
	return "http://" + listener.Addr().String(), nil
}

func (s *Sim) serveOn(listener net.Listener, server *http.Server) {
	s.servers = append(s.servers, server)
	s.serving.Go(func() {
		_ = server.Serve(listener) // it ends when it is closed
	})
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
