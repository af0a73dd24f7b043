// Package sim simulates AWS for tests and demonstrations of EC2 Instance Connect, in one
// process.
//
// On the instance's side it has a metadata service, and a PKI that signs keys. On the
// client's side it has the API that pushes keys, the EC2 calls that describe instances,
// the Endpoint's tunnel, IAM and CloudTrail.
//
// The simulator is written from public facts only. It shares no code with the program
// that it tests, so that a misunderstanding on either side becomes visible. It is not for
// production: anybody who can reach it can push any key for any user.
//
// A simulator can be started with faults, such as an expired certificate or a lost
// answer. Faults lists them.
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
	// IMDS are the URLs of the metadata service, in the order of Options.IMDS. API is the
	// URL of both APIs. Proxy is the URL of a proxy that reaches both APIs and the
	// Endpoints by their names in AWS.
	IMDS  []string
	API   string
	Proxy string
	// Roots is PEM text with the certificates that eic must trust. TLSRoot is PEM text
	// with the certificate that clients must trust.
	Roots, TLSRoot []byte

	metadata *imds.Server
	account  *account
	servers  []*http.Server
	serving  sync.WaitGroup
}

// Start starts a simulator. The caller must close it.
func Start(options Options) (*Sim, error) {
	if err := options.Check(); err != nil {
		return nil, err
	}
	options = options.complete()
	w := goodScenario(options)
	for _, fault := range Faults() {
		if slices.Contains(options.Faults, fault.Name) {
			fault.apply(w)
		}
	}
	anchors, err := options.Keys.Anchors()
	if err != nil {
		return nil, fmt.Errorf("creating the roots: %w", err)
	}
	board := &service.Board{TTL: options.TTL}
	content, err := w.content(board)
	if err != nil {
		return nil, fmt.Errorf("preparing the metadata service: %w", err)
	}
	account, err := newAccount(options, board)
	if err != nil {
		return nil, fmt.Errorf("preparing the simulated account: %w", err)
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

// Push pushes a public-key line for a user, as a call of the API would, and returns the
// request id. Unlike the API it accepts any line.
func (s *Sim) Push(user, key string) (string, error) {
	return s.account.push.Push(user, key), nil
}

// Stats returns the requests to the metadata service so far.
func (s *Sim) Stats() imds.Stats { return s.metadata.Stats() }

// ResetStats resets the counts of Stats.
func (s *Sim) ResetStats() { s.metadata.ResetStats() }

// Close closes every listener and connection. When it returns, the addresses are free.
func (s *Sim) Close() {
	s.metadata.Close()
	_ = s.account.proxy.Close() // it only stops accepting
	for _, server := range s.servers {
		_ = server.Close() // there is nothing left to lose
	}
	s.account.tunnel.Close()
	s.serving.Wait()
}

// listen opens the listeners and starts serving.
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

// server returns a server for what clients see. It does not log the TLS errors of
// clients.
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
		_ = server.Serve(listener) // it returns when it is closed
	})
}

// onlyIPv6 removes the IPv4 addresses. If none is left, it returns a free port on the
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
