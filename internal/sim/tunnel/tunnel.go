// Package tunnel simulates the EC2 Instance Connect Endpoint: the WebSocket at
// /openTunnel that leads to the private address of an instance.
//
// It verifies the presigned URL and the parameters before it upgrades the connection. It
// connects only to the instance's own addresses, on the two documented ports, so it leads
// nowhere else.
package tunnel

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"eic/internal/sim/cloudtrail"
	"eic/internal/sim/ec2"
	"eic/internal/sim/iam"
	"eic/internal/sim/sigv4"
	"eic/internal/sim/uuid"
)

// Limits that AWS documents.
const (
	maxDuration    = 3600 // seconds
	maxConnections = 20   // for each Endpoint
)

// dialTimeout is how long the instance may take to accept a connection.
const dialTimeout = 5 * time.Second

// Options say where tunnels lead.
type Options struct {
	Instance  ec2.Instance
	Endpoints []ec2.Endpoint
	Gate      *iam.Gate
	Trail     *cloudtrail.Log
	// Reach maps an address and port of the instance to the HOST:PORT to connect to
	// instead, for machines that cannot have the instance's address.
	Reach map[netip.AddrPort]string
	// Fault, if not empty, is the way in which every tunnel fails.
	Fault Fault
}

// Server is the Endpoint. It implements http.Handler.
type Server struct {
	options Options
	base    context.Context
	stop    context.CancelFunc

	running sync.WaitGroup

	mu   sync.Mutex
	open map[string]int // tunnels by Endpoint
}

// New returns an Endpoint that behaves as the options say.
func New(options Options) *Server {
	s := &Server{options: options, open: make(map[string]int)}
	s.base, s.stop = context.WithCancel(context.Background())
	return s
}

// Close ends every tunnel.
func (s *Server) Close() {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.running.Wait()
}

// begin counts a request as running. It returns false if the server is closed.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.base.Err() != nil {
		return false
	}
	s.running.Add(1)
	return true
}

// refusal is the body of an answer that refuses a tunnel.
type refusal struct {
	status    int
	ErrorCode string
	Message   string
}

func (r *refusal) Error() string { return r.ErrorCode + ": " + r.Message }

func invalid(message string) error {
	return &refusal{http.StatusBadRequest, "InvalidParameter", message}
}

// ServeHTTP opens one tunnel, or says why not.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		return // whoever asks has no connection any more
	}
	defer s.running.Done()
	if r.URL.Path != "/openTunnel" {
		http.NotFound(w, r)
		return
	}
	t := &request{id: uuid.New(), http: r}
	w.Header().Set("X-Amzn-Requestid", t.id)
	if s.options.Fault == Reset {
		reset(w)
		return
	}
	err := s.check(t)
	if err == nil {
		defer s.release(t.endpoint.ID)
		err = s.upgrade(w, t)
	}
	failed := (*refusal)(nil)
	if errors.As(err, &failed) {
		s.record(t, failed.ErrorCode, failed.Message)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(failed.status)
		_ = json.NewEncoder(w).Encode(failed) // a client that has left needs no answer
	}
}

// request is one request for a tunnel.
type request struct {
	id       string
	http     *http.Request
	caller   cloudtrail.Caller
	endpoint ec2.Endpoint
	target   netip.AddrPort
	duration time.Duration
}

// check verifies a request, and reserves one of the Endpoint's connections for it. Its
// error is a *refusal.
func (s *Server) check(t *request) error {
	var err error
	if t.caller, err = s.options.Gate.Presigned(t.http); err != nil {
		return unsigned(err)
	}
	if err := s.parse(t); err != nil {
		return err
	}
	err = s.options.Gate.Authorize(t.caller, t.http, iam.Request{
		Action: "ec2-instance-connect:OpenTunnel", Resource: t.endpoint.ARN,
		Context: map[string]string{
			iam.RemotePort:        strconv.Itoa(int(t.target.Port())),
			iam.PrivateIPAddress:  t.target.Addr().String(),
			iam.MaxTunnelDuration: strconv.Itoa(int(t.duration.Seconds())),
		},
	})
	if err != nil {
		return &refusal{http.StatusForbidden, "AccessDenied", err.Error()}
	}
	if s.options.Fault == Throttled || !s.take(t.endpoint.ID) {
		return &refusal{http.StatusTooManyRequests, "TooManyRequests", "The maximum number of concurrent connections for this EC2 Instance Connect Endpoint is reached."}
	}
	return nil
}

// unsigned returns the refusal for a URL with a refused signature.
func unsigned(err error) error {
	code := "SignatureDoesNotMatch"
	switch {
	case errors.Is(err, sigv4.ErrMissing):
		code = "MissingAuthenticationToken"
	case errors.Is(err, sigv4.ErrIncomplete):
		code = "IncompleteSignature"
	case errors.Is(err, sigv4.ErrUnknownKey):
		code = "UnrecognizedClient"
	case errors.Is(err, sigv4.ErrExpired):
		code = "RequestExpired"
	}
	return &refusal{http.StatusForbidden, code, err.Error()}
}

// parse parses the parameters into t, as far as they are valid.
func (s *Server) parse(t *request) error {
	query := t.http.URL.Query()
	id := query.Get("instanceConnectEndpointId")
	for _, e := range s.options.Endpoints {
		if e.ID == id {
			t.endpoint = e
		}
	}
	if t.endpoint.ID == "" || t.http.Host != t.endpoint.DNSName && t.http.Host != t.endpoint.FIPSDNSName {
		return invalid("The specified InstanceConnectEndpointId is not valid for this endpoint.")
	}
	address, err := netip.ParseAddr(query.Get("privateIpAddress"))
	if err != nil {
		return invalid("The specified PrivateIpAddress is not valid.")
	}
	port := query.Get("remotePort")
	if port != "22" && port != "3389" {
		return invalid("The specified RemotePort is not valid. Specify either 22 or 3389 as the RemotePort and retry your request.")
	}
	number, _ := strconv.ParseUint(port, 10, 16)
	t.target = netip.AddrPortFrom(address, uint16(number))
	seconds := maxDuration
	if text := query.Get("maxTunnelDuration"); text != "" {
		if seconds, err = strconv.Atoi(text); err != nil || seconds < 1 || seconds > maxDuration {
			return invalid("The specified MaxTunnelDuration is not valid. Specify a value between 1 and 3600 and retry your request.")
		}
	}
	t.duration = time.Duration(seconds) * time.Second
	return nil
}

// take reserves one of an Endpoint's connections. It returns false if all are taken.
func (s *Server) take(endpoint string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[endpoint] == maxConnections {
		return false
	}
	s.open[endpoint]++
	return true
}

func (s *Server) release(endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[endpoint]--
}

// record writes the event of a request. An event that cannot be written does not affect
// the answer.
func (s *Server) record(t *request, code, message string) {
	query := t.http.URL.Query()
	parameters := map[string]string{}
	for _, name := range []string{"instanceConnectEndpointId", "maxTunnelDuration", "remotePort", "privateIpAddress"} {
		parameters[name] = query.Get(name)
	}
	if parameters["maxTunnelDuration"] == "" {
		parameters["maxTunnelDuration"] = strconv.Itoa(maxDuration)
	}
	_ = s.options.Trail.Record(cloudtrail.Call{
		Name: "OpenTunnel", Request: t.http, Caller: t.caller, ID: t.id, Parameters: parameters,
		ResourceType: "AWS::EC2::InstanceConnectEndpoint", ResourceARN: t.endpoint.ARN,
		ErrorCode: code, ErrorMessage: message,
	})
}

// upgrade turns the request into a WebSocket and connects it to the instance. As at AWS,
// a client learns only then that the instance is unreachable.
func (s *Server) upgrade(w http.ResponseWriter, t *request) error {
	socket, err := websocket.Accept(w, t.http, nil)
	if err != nil {
		s.record(t, "InvalidParameter", err.Error()) // Accept has answered
		return nil
	}
	defer func() { _ = socket.CloseNow() }()
	defer context.AfterFunc(s.base, func() { _ = socket.CloseNow() })()
	target, err := s.dial(t)
	if err != nil {
		s.record(t, "DialFailure", "Unable to dial target private ip")
		_ = socket.Close(websocket.StatusInternalError, "Unable to connect to target")
		return nil
	}
	defer func() { _ = target.Close() }()
	s.record(t, "", "")
	if s.options.Fault == Stall {
		upstream(socket, io.Discard)
		return nil
	}
	s.relay(socket, target, t.duration)
	return nil
}

// dial connects to the instance, if the target is one of its addresses.
func (s *Server) dial(t *request) (net.Conn, error) {
	i := s.options.Instance
	own := false
	for _, text := range []string{i.PrivateIP, i.IPv6} {
		address, err := netip.ParseAddr(text)
		own = own || err == nil && address == t.target.Addr()
	}
	if !own || s.options.Fault == DialFailure {
		return nil, errors.New("not an address of the instance")
	}
	address, mapped := s.options.Reach[t.target]
	if !mapped {
		address = t.target.String()
	}
	ctx, cancel := context.WithTimeout(s.base, dialTimeout)
	defer cancel()
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

// reset resets the connection instead of answering.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	// The connection below TLS is reset, so that TLS does not end orderly.
	for {
		layered, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		conn = layered.NetConn()
	}
	if tcp, ok := conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
