package sim_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/internal/sim/iam"
)

// endpointName returns AWS's name for an Endpoint.
func endpointName(id string) string {
	sum := sha256.Sum256([]byte(id))
	return id + "." + hex.EncodeToString(sum[:4]) + ".ec2-instance-connect-endpoint.us-east-1.amazonaws.com"
}

// client returns an HTTP client that reaches a simulator by AWS's names.
func client(t *testing.T, s *sim.Sim) *http.Client {
	t.Helper()
	proxy, err := url.Parse(s.Proxy)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(s.TLSRoot))
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// presigned returns the URL of a tunnel to the private address. change replaces
// parameters, or removes them if the value is "".
func presigned(t *testing.T, change map[string]string) string {
	t.Helper()
	query := url.Values{}
	host := endpointName(sim.DefaultEndpoint)
	for name, value := range map[string]string{
		"instanceConnectEndpointId": sim.DefaultEndpoint, "remotePort": "22", "privateIpAddress": sim.DefaultPrivateIP, "X-Amz-Expires": "60",
	} {
		query.Set(name, value)
	}
	for name, value := range change {
		switch {
		case name == "host":
			host = value
		case value == "":
			query.Del(name)
		default:
			query.Set(name, value)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/openTunnel?"+query.Encode(), nil)
	require.NoError(t, err)
	sum := sha256.Sum256(nil)
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, r,
		hex.EncodeToString(sum[:]), "ec2-instance-connect", "us-east-1", time.Now())
	require.NoError(t, err)
	return signed
}

// target starts a server in place of sshd, and returns options that connect tunnels to it. The
// server sends "hello" and then echoes.
func target(t *testing.T) (sim.Options, *net.TCPListener) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = conn.Write([]byte("hello"))
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return sim.Options{Reach: map[netip.AddrPort]string{
		netip.MustParseAddrPort(sim.DefaultPrivateIP + ":22"): listener.Addr().String(),
	}}, listener.(*net.TCPListener)
}

// open opens a tunnel and reads the target's hello.
func open(t *testing.T, s *sim.Sim, change map[string]string) *websocket.Conn {
	t.Helper()
	socket, _, err := websocket.Dial(t.Context(), presigned(t, change), &websocket.DialOptions{HTTPClient: client(t, s)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = socket.CloseNow() })
	kind, text, err := socket.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, websocket.MessageBinary, kind)
	require.Equal(t, "hello", string(text))
	return socket
}

func TestFiveMegabytesComeBackThroughATunnel(t *testing.T) {
	options, _ := target(t)
	s := start(t, options)
	socket := open(t, s, nil)
	sent := make([]byte, 5<<20)
	_, err := rand.Read(sent)
	require.NoError(t, err)
	go func() {
		for chunk := range slices.Chunk(sent, 65000) {
			if socket.Write(context.Background(), websocket.MessageBinary, chunk) != nil {
				return
			}
		}
	}()
	var received []byte
	for len(received) < len(sent) {
		_, chunk, err := socket.Read(t.Context())
		require.NoError(t, err)
		received = append(received, chunk...)
	}
	require.Equal(t, sha256.Sum256(sent), sha256.Sum256(received))
	require.NoError(t, socket.Close(websocket.StatusNormalClosure, ""))
}

func TestThousandsOfEmptyFramesCarryNothing(t *testing.T) {
	options, _ := target(t)
	socket := open(t, start(t, options), nil)
	begin := time.Now()
	for range 20000 {
		require.NoError(t, socket.Write(t.Context(), websocket.MessageBinary, nil))
	}
	require.NoError(t, socket.Write(t.Context(), websocket.MessageBinary, []byte("x")))
	_, text, err := socket.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, "x", string(text))
	require.Less(t, time.Since(begin), 10*time.Second)
}

func TestTunnelEndsAfterItsDuration(t *testing.T) {
	options, _ := target(t)
	socket := open(t, start(t, options), map[string]string{"maxTunnelDuration": "1"})
	begin := time.Now()
	_, _, err := socket.Read(t.Context())
	require.Error(t, err)
	require.Greater(t, time.Since(begin), 500*time.Millisecond)
	require.Less(t, time.Since(begin), 10*time.Second)
}

func TestTunnelAndTargetEndTogether(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	s := start(t, sim.Options{Reach: map[netip.AddrPort]string{
		netip.MustParseAddrPort(sim.DefaultPrivateIP + ":22"): listener.Addr().String(),
	}})
	accepted := make(chan net.Conn, 1)
	accept := func() {
		if conn, err := listener.Accept(); err == nil {
			_, _ = conn.Write([]byte("hello"))
			accepted <- conn
		}
	}
	go accept()
	socket := open(t, s, nil)
	conn := <-accepted
	require.NoError(t, conn.Close())
	_, _, err = socket.Read(t.Context())
	require.Equal(t, websocket.StatusNormalClosure, websocket.CloseStatus(err))

	// And the target ends when the tunnel ends.
	go accept()
	socket = open(t, s, nil)
	conn = <-accepted
	require.NoError(t, socket.Close(websocket.StatusNormalClosure, ""))
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

// event is the part of an event that tests read.
type event struct {
	Name         string `json:"eventName"`
	ErrorCode    string `json:"errorCode"`
	ErrorMessage string `json:"errorMessage"`
	RequestID    string `json:"requestID"`
	Identity     struct {
		Type, ARN, UserName string
	} `json:"userIdentity"`
	Parameters map[string]any `json:"requestParameters"`
}

// buffer collects what several goroutines write.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) events(t *testing.T) []event {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var events []event
	for line := range strings.Lines(b.text.String()) {
		var e event
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		events = append(events, e)
	}
	return events
}

// refused opens a tunnel that is refused before the WebSocket exists, and returns the
// status and the body of the answer.
func refused(t *testing.T, s *sim.Sim, address string) (int, map[string]string) {
	t.Helper()
	_, resp, err := websocket.Dial(t.Context(), address, &websocket.DialOptions{HTTPClient: client(t, s)})
	require.Error(t, err)
	require.NotNil(t, resp, "%v", err)
	var body map[string]string
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&body))
	return resp.StatusCode, body
}

func TestRefusedTunnelHasAnEvent(t *testing.T) {
	policy, err := iam.ParsePolicy([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2-instance-connect:OpenTunnel",
		"Resource":"arn:aws:ec2:us-east-1:123456789012:instance-connect-endpoint/*",
		"Condition":{"NumericEquals":{"ec2-instance-connect:remotePort":"22"},"NumericLessThan":{"ec2-instance-connect:maxTunnelDuration":"3600"}}}}`))
	require.NoError(t, err)
	const denied = "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: ec2-instance-connect:OpenTunnel on resource: " +
		"arn:aws:ec2:us-east-1:123456789012:instance-connect-endpoint/eice-0123456789abcdef0 because no identity-based policy allows the ec2-instance-connect:OpenTunnel action"
	good := map[string]iam.Principal{"AKIDEXAMPLE": {Secret: "secret"}}
	keys := new(ca.Keys)
	for name, try := range map[string]struct {
		options sim.Options
		change  map[string]string
		status  int
		code    string
		message string
	}{
		"port 5432": {change: map[string]string{"remotePort": "5432"}, status: 400, code: "InvalidParameter",
			message: "The specified RemotePort is not valid. Specify either 22 or 3389 as the RemotePort and retry your request."},
		"unknown Endpoint":                              {change: map[string]string{"instanceConnectEndpointId": "eice-0000000000000000f"}, status: 400, code: "InvalidParameter"},
		"host name of another Endpoint":                 {options: sim.Options{Endpoints: []string{sim.DefaultEndpoint, "eice-0000000000000000f"}}, change: map[string]string{"host": endpointName("eice-0000000000000000f")}, status: 400, code: "InvalidParameter"},
		"privateIpAddress is not an address":            {change: map[string]string{"privateIpAddress": "localhost"}, status: 400, code: "InvalidParameter"},
		"duration above the maximum":                    {change: map[string]string{"maxTunnelDuration": "3601"}, status: 400, code: "InvalidParameter"},
		"duration of zero":                              {change: map[string]string{"maxTunnelDuration": "0"}, status: 400, code: "InvalidParameter"},
		"signed with another secret":                    {options: sim.Options{Principals: map[string]iam.Principal{"AKIDEXAMPLE": {Secret: "other"}}}, status: 403, code: "SignatureDoesNotMatch"},
		"unknown access key":                            {options: sim.Options{Principals: map[string]iam.Principal{"AKIDOTHER": {Secret: "secret"}}}, status: 403, code: "UnrecognizedClient"},
		"policy denies the port":                        {options: sim.Options{Policy: policy, Principals: good}, change: map[string]string{"remotePort": "3389", "maxTunnelDuration": "60"}, status: 403, code: "AccessDenied", message: denied},
		"policy denies the default duration of an hour": {options: sim.Options{Policy: policy}, status: 403, code: "AccessDenied", message: denied},
	} {
		t.Run(name, func(t *testing.T) {
			events := new(buffer)
			try.options.Events, try.options.Keys = events, keys
			status, body := refused(t, start(t, try.options), presigned(t, try.change))
			require.Equal(t, try.status, status)
			require.Equal(t, try.code, body["ErrorCode"])
			require.Contains(t, body["Message"], try.message)
			recorded := events.events(t)
			require.Len(t, recorded, 1)
			require.Equal(t, "OpenTunnel", recorded[0].Name)
			require.Equal(t, try.code, recorded[0].ErrorCode)
			require.Equal(t, body["Message"], recorded[0].ErrorMessage)
		})
	}
}

// As at AWS, a client learns that a target is unreachable only after the WebSocket
// exists.
func TestTunnelDialsOnlyTheInstance(t *testing.T) {
	options, listener := target(t)
	options.Keys = new(ca.Keys)
	port := listener.Addr().(*net.TCPAddr).AddrPort()
	for name, address := range map[string]string{
		"loopback": "127.0.0.1", "another instance": "10.0.0.11", "the metadata service": "169.254.169.254",
		"loopback as IPv6": "::1", "IPv4-mapped address of the instance": "::ffff:10.0.0.10", "address of the target server": port.Addr().String(),
	} {
		t.Run(name, func(t *testing.T) {
			events := new(buffer)
			options.Events = events
			s := start(t, options)
			socket, _, err := websocket.Dial(t.Context(), presigned(t, map[string]string{"privateIpAddress": address}), &websocket.DialOptions{HTTPClient: client(t, s)})
			require.NoError(t, err)
			_, _, err = socket.Read(t.Context())
			closed := websocket.CloseError{}
			require.ErrorAs(t, err, &closed)
			require.Equal(t, "Unable to connect to target", closed.Reason)
			require.Eventually(t, func() bool { return len(events.events(t)) == 1 }, 5*time.Second, 10*time.Millisecond)
			require.Equal(t, "DialFailure", events.events(t)[0].ErrorCode)
			require.Equal(t, "Unable to dial target private ip", events.events(t)[0].ErrorMessage)
			require.Equal(t, address, events.events(t)[0].Parameters["privateIpAddress"])
		})
	}
}

func TestEndpointRefusesTheTwentyFirstTunnel(t *testing.T) {
	options, _ := target(t)
	s := start(t, options)
	var sockets []*websocket.Conn
	for range 20 {
		sockets = append(sockets, open(t, s, nil))
	}
	status, body := refused(t, s, presigned(t, nil))
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Equal(t, "TooManyRequests", body["ErrorCode"])
	require.NoError(t, sockets[0].Close(websocket.StatusNormalClosure, ""))
	require.Eventually(t, func() bool {
		socket, _, err := websocket.Dial(t.Context(), presigned(t, nil), &websocket.DialOptions{HTTPClient: client(t, s)})
		if err == nil {
			_ = socket.CloseNow()
		}
		return err == nil
	}, 10*time.Second, 50*time.Millisecond)
}

func TestProxyRefusesOtherHosts(t *testing.T) {
	options, listener := target(t)
	s := start(t, options)
	for _, address := range []string{
		"https://example.com/", "https://" + listener.Addr().String() + "/", "https://ec2.us-east-1.amazonaws.com:22/", "https://ec2.eu-west-1.amazonaws.com/",
	} {
		_, err := client(t, s).Get(address)
		require.ErrorContains(t, err, "Forbidden", address)
	}
	resp, err := client(t, s).Get("http://example.com/")
	require.NoError(t, err)
	require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
	require.NoError(t, resp.Body.Close())
}

func TestProxyConnectsAWSsHostNamesToTheAPIs(t *testing.T) {
	s := start(t, sim.Options{})
	for name, kind := range map[string]string{
		"ec2": "text/xml;charset=UTF-8", "ec2-fips": "text/xml;charset=UTF-8",
		"ec2-instance-connect": "application/x-amz-json-1.1", "ec2-instance-connect-fips": "application/x-amz-json-1.1",
	} {
		contentType := "application/x-amz-json-1.1"
		if strings.HasPrefix(kind, "text") {
			contentType = "application/x-www-form-urlencoded"
		}
		resp, err := client(t, s).Post("https://"+name+".us-east-1.amazonaws.com/", contentType, strings.NewReader(""))
		require.NoError(t, err)
		require.Equal(t, kind, resp.Header.Get("Content-Type"))
		require.Equal(t, http.StatusForbidden, resp.StatusCode, "expected an error about the missing signature")
		require.NoError(t, resp.Body.Close())
	}
}

// The simulator's two certification authorities must be distinct: a client that trusts
// one for TLS does not trust it for keys.
func TestTLSRootDoesNotSignKeys(t *testing.T) {
	s := start(t, sim.Options{})
	root := certificates(string(s.TLSRoot))[0]
	for _, cert := range certificates(string(s.Roots)) {
		require.False(t, cert.Equal(root))
		require.Error(t, root.CheckSignatureFrom(cert))
	}
}

func TestTunnelsEndWithTheSimulator(t *testing.T) {
	options, _ := target(t)
	s := start(t, options)
	socket := open(t, s, nil)
	begin := time.Now()
	s.Close()
	require.Less(t, time.Since(begin), 4*time.Second)
	_, _, err := socket.Read(t.Context())
	require.Error(t, err)
}

func TestEachTunnelFaultHasItsEffect(t *testing.T) {
	keys := new(ca.Keys)
	for name, check := range map[string]func(t *testing.T, s *sim.Sim){
		"tunnel=denied": func(t *testing.T, s *sim.Sim) {
			_, body := refused(t, s, presigned(t, nil))
			require.Equal(t, "AccessDenied", body["ErrorCode"])
		},
		"tunnel=throttled": func(t *testing.T, s *sim.Sim) {
			_, body := refused(t, s, presigned(t, nil))
			require.Equal(t, "TooManyRequests", body["ErrorCode"])
		},
		"tunnel=wrong-certificate": func(t *testing.T, s *sim.Sim) {
			_, _, err := websocket.Dial(t.Context(), presigned(t, nil), &websocket.DialOptions{HTTPClient: client(t, s)})
			unknown := x509.HostnameError{}
			require.ErrorAs(t, err, &unknown)
		},
		"tunnel=reset": func(t *testing.T, s *sim.Sim) {
			_, resp, err := websocket.Dial(t.Context(), presigned(t, nil), &websocket.DialOptions{HTTPClient: client(t, s)})
			require.Nil(t, resp)
			require.ErrorContains(t, err, "connection reset by peer")
		},
		"tunnel=dial-failure": func(t *testing.T, s *sim.Sim) {
			require.Equal(t, websocket.StatusInternalError, first(t, s).status)
		},
		"tunnel=early-end":  func(t *testing.T, s *sim.Sim) { require.ErrorIs(t, first(t, s).err, io.EOF) },
		"tunnel=close-code": func(t *testing.T, s *sim.Sim) { require.Equal(t, websocket.StatusInternalError, first(t, s).status) },
		"tunnel=text-frame": func(t *testing.T, s *sim.Sim) { require.Equal(t, websocket.MessageText, first(t, s).kind) },
		"tunnel=stall": func(t *testing.T, s *sim.Sim) {
			require.ErrorIs(t, first(t, s).err, context.DeadlineExceeded)
		},
	} {
		t.Run(name, func(t *testing.T) {
			options, _ := target(t)
			options.Faults, options.Keys = []string{name}, keys
			check(t, start(t, options))
		})
	}
}

// said is the first message from a tunnel, or the error with which the tunnel ends.
type said struct {
	kind   websocket.MessageType
	status websocket.StatusCode
	err    error
}

func first(t *testing.T, s *sim.Sim) said {
	t.Helper()
	socket, _, err := websocket.Dial(t.Context(), presigned(t, nil), &websocket.DialOptions{HTTPClient: client(t, s)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = socket.CloseNow() })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	kind, _, err := socket.Read(ctx)
	if ctx.Err() != nil {
		err = errors.Join(err, ctx.Err())
	}
	return said{kind, websocket.CloseStatus(err), err}
}

func TestEveryClientFaultIsAccepted(t *testing.T) {
	seen := map[string]bool{}
	keys := new(ca.Keys)
	for _, f := range sim.ClientFaults() {
		require.Regexp(t, `^(api|tunnel)=[a-z-]+$`, f.Name)
		require.False(t, seen[f.Name])
		seen[f.Name] = true
		require.NotEmpty(t, f.Client)
		require.NotContains(t, f.Description+f.Client, "\t")
		s, err := sim.Start(sim.Options{Faults: []string{f.Name}, Keys: keys})
		require.NoError(t, err)
		s.Close()
	}
}
