// Package proxy leads clients to the simulator that can only connect to AWS's host names
// on port 443. It is an HTTP proxy that accepts CONNECT for exactly those names.
//
// It opens no connections. Each accepted connection is handed to a TLS server in the same
// process, so the proxy leads nowhere else.
package proxy

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Proxy is the proxy, an http.Handler, and the listener of the TLS server behind it.
type Proxy struct {
	names     []string
	accepted  chan net.Conn
	closed    chan struct{}
	closeOnce sync.Once
}

// New returns a proxy for names, each on port 443.
func New(names []string) *Proxy {
	return &Proxy{names: names, accepted: make(chan net.Conn), closed: make(chan struct{})}
}

// ServeHTTP answers one request of a client.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, port, err := net.SplitHostPort(r.Host)
	switch {
	case r.Method != http.MethodConnect:
		http.Error(w, "eic-sim's proxy answers CONNECT only", http.StatusMethodNotAllowed)
		return
	case err != nil || port != "443" || !slices.Contains(p.names, strings.ToLower(name)):
		http.Error(w, fmt.Sprintf("eic-sim's proxy answers for no %q, only for port 443 of %s", r.Host, strings.Join(p.names, ", ")), http.StatusForbidden)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if _, err := conn.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		_ = conn.Close() // the client has left
		return
	}
	select {
	case p.accepted <- connection{conn, buffered.Reader}:
	case <-p.closed:
		_ = conn.Close() // nobody is there to answer
	}
}

// Accept waits for the next connection.
func (p *Proxy) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accepted:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept. It may be called more than once.
func (p *Proxy) Close() error {
	p.closeOnce.Do(func() { close(p.closed) })
	return nil
}

// Addr returns a placeholder, because the listener has no address of its own.
func (p *Proxy) Addr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "proxy" }
func (address) String() string  { return "proxy" }

// connection is a connection on which the client may have sent data already.
type connection struct {
	net.Conn
	reader *bufio.Reader
}

func (c connection) Read(p []byte) (int, error) { return c.reader.Read(p) }

// NetConn returns the underlying connection, for resetting it.
func (c connection) NetConn() net.Conn { return c.Conn }
