package transcripts

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2instanceconnect"
	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
)

const (
	accessKey = "AKIDEXAMPLE"
	secretKey = "example"
	privateIP = "192.0.2.17"
)

// tellEvents adds the CloudTrail events of a login through a tunnel: alice's key is pushed, and
// then a tunnel is opened. It replaces values that differ in every run, and the client's address
// and user agent.
func tellEvents(t *testing.T, stories map[string]string, keys *ca.Keys) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	var events bytes.Buffer
	s, err := sim.Start(sim.Options{
		Keys: keys, Events: &events, PrivateIP: privateIP,
		Reach: map[netip.AddrPort]string{netip.MustParseAddrPort(privateIP + ":22"): listener.Addr().String()},
	})
	require.NoError(t, err)
	api := ec2instanceconnect.New(ec2instanceconnect.Options{
		BaseEndpoint: &s.API, Region: sim.DefaultRegion, Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	})
	_, err = api.SendSSHPublicKey(t.Context(), &ec2instanceconnect.SendSSHPublicKeyInput{
		InstanceId: aws.String(sim.DefaultInstanceID), InstanceOSUser: aws.String("alice"), SSHPublicKey: aws.String(aliceKey),
	})
	require.NoError(t, err)
	openTunnel(t, s)
	s.Close() // this also ends the writers of events
	lines := strings.Split(strings.TrimSpace(events.String()), "\n")
	require.Len(t, lines, 2)
	stories["push-event"] = steady(t, lines[0], "2026-11-22T09:59:59Z", "9b1c51b4-5f2d-4a7e-9d0b-6a4b2f0e7c31")
	stories["tunnel-event"] = steady(t, lines[1], "2026-11-22T10:00:00Z", "4e0d8f27-93a6-4c55-8b1e-27d3c90f5a64")
}

// openTunnel opens a tunnel to the instance, by the host name of the Endpoint, and closes it.
func openTunnel(t *testing.T, s *sim.Sim) {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(s.TLSRoot))
	proxy, err := url.Parse(s.Proxy)
	require.NoError(t, err)
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	sum := sha256.Sum256([]byte(sim.DefaultEndpoint))
	host := sim.DefaultEndpoint + "." + hex.EncodeToString(sum[:4]) + ".ec2-instance-connect-endpoint.us-east-1.amazonaws.com"
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/openTunnel?X-Amz-Expires=60&"+
		"instanceConnectEndpointId="+sim.DefaultEndpoint+"&maxTunnelDuration=3600&privateIpAddress="+privateIP+"&remotePort=22", nil)
	require.NoError(t, err)
	empty := sha256.Sum256(nil)
	address, _, err := v4.NewSigner().PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey},
		r, hex.EncodeToString(empty[:]), "ec2-instance-connect", "us-east-1", time.Now())
	require.NoError(t, err)
	socket, _, err := websocket.Dial(t.Context(), address, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	require.NoError(t, err)
	_ = socket.Close(websocket.StatusNormalClosure, "")
}

// steady returns an event with fixed instead of random values.
func steady(t *testing.T, line, when, request string) string {
	t.Helper()
	for field, value := range map[string]string{
		"eventTime": when, "requestID": request, "sourceIPAddress": "198.51.100.23", "userAgent": "aws-cli/2.23.6",
		"eventID": "c0ffee00-" + request[9:],
	} {
		expression := regexp.MustCompile(`"` + field + `":"[^"]*"`)
		require.Len(t, expression.FindAllString(line, -1), 1, field)
		line = expression.ReplaceAllLiteralString(line, `"`+field+`":"`+value+`"`)
	}
	var text bytes.Buffer
	require.NoError(t, json.Indent(&text, []byte(line), "", "  "))
	return text.String() + "\n"
}
