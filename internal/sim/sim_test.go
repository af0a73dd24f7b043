package sim_test

import (
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/internal/sim/imds"
)

func TestPushedKeyIsServedUntilItExpires(t *testing.T) {
	s, err := sim.Start(sim.Options{TTL: time.Second})
	require.NoError(t, err)
	defer s.Close()
	id, err := s.Push(user, pushedKey)
	require.NoError(t, err)
	r := newReader(t, s)
	document := r.document(t)
	require.Regexp(t, `^#Timestamp=\d+
#Instance=i-0123456789abcdef0
#Caller=arn:aws:iam::123456789012:user/alice
#Request=`+id+`
`+regexp.QuoteMeta(pushedKey)+`
([A-Za-z0-9+/=]{1,76}
)+$`, document)
	status, _ := r.get(t, "managed-ssh-keys/active-keys/bob")
	require.Equal(t, http.StatusNotFound, status)
	require.Eventually(t, func() bool {
		status, _ := r.get(t, "managed-ssh-keys/active-keys/"+user)
		return status == http.StatusNotFound
	}, 5*time.Second, 20*time.Millisecond)
	status, _ = r.get(t, "managed-ssh-keys/active-keys/")
	require.Equal(t, http.StatusNotFound, status)
}

func TestTwoKeysOfOneUserAreSeparatedByABlankLine(t *testing.T) {
	s := start(t, sim.Options{})
	_, err := s.Push(user, "ssh-ed25519 AAAA another")
	require.NoError(t, err)
	blocks := strings.Split(newReader(t, s).document(t), "\n\n")
	require.Len(t, blocks, 2)
	require.Contains(t, blocks[0], pushedKey)
	require.Contains(t, blocks[1], "another")
}

func TestMetadataHasTheValuesOfTheOptions(t *testing.T) {
	s := start(t, sim.Options{
		InstanceID: "i-0a3d2c84", Region: "eu-central-1", AvailabilityZone: "eu-central-1c",
		Domain: "amazonaws.eu", Caller: "arn:aws-eusc:iam::210987654321:role/ops",
	})
	r := newReader(t, s)
	require.Equal(t, "i-0a3d2c84", r.found(t, "instance-id"))
	require.Equal(t, "eu-central-1", r.found(t, "placement/region"))
	require.Equal(t, "eu-central-1c", r.found(t, "placement/availability-zone"))
	require.Equal(t, "amazonaws.eu", r.found(t, "services/domain"))
	require.Contains(t, r.document(t), "#Instance=i-0a3d2c84\n#Caller=arn:aws-eusc:iam::210987654321:role/ops\n")
	require.Equal(t, "managed-ssh-signer.eu-central-1.amazonaws.eu", certificates(r.chain(t))[0].Subject.CommonName)
}

func TestMetadataServiceListensOnSeveralAddresses(t *testing.T) {
	s := start(t, sim.Options{IMDS: []string{"127.0.0.1:0", "[::1]:0"}})
	require.Len(t, s.IMDS, 2)
	require.Regexp(t, `^http://127\.0\.0\.1:\d+$`, s.IMDS[0])
	require.Regexp(t, `^http://\[::1\]:\d+$`, s.IMDS[1])
	for _, url := range s.IMDS {
		status, _ := reader{url: url}.ask(t, http.MethodPut, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
		require.Equal(t, http.StatusOK, status)
	}
	require.Equal(t, 2, s.Stats().Requests[imds.StageToken], "expected one count for all listeners")
	require.Equal(t, 2, s.Stats().Connections)
	s.ResetStats()
	require.Zero(t, s.Stats().Total())
}

func TestIPv6OnlyFaultListensOnNoIPv4Address(t *testing.T) {
	s := start(t, sim.Options{IMDS: []string{"127.0.0.1:0", "[::1]:0"}, Faults: []string{"imds=ipv6-only"}})
	require.Len(t, s.IMDS, 1)
	require.Contains(t, s.IMDS[0], "[::1]")
	s = start(t, sim.Options{Faults: []string{"imds=ipv6-only"}})
	require.Contains(t, s.IMDS[0], "[::1]", "expected an IPv6 address by default")
}

func TestInvalidOptionsFailToStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	for name, c := range map[string]struct {
		options sim.Options
		says    string
	}{
		"unknown fault":     {sim.Options{Faults: []string{"ocsp=rewoked"}}, `unknown fault "ocsp=rewoked"`},
		"IMDS port in use":  {sim.Options{IMDS: []string{"127.0.0.1:0", taken.Addr().String()}}, "listening for the metadata service: "},
		"API port in use":   {sim.Options{API: taken.Addr().String()}, "listening for the API: "},
		"throttle of 200 %": {sim.Options{Throttle: 2}, "throttling a share of 2 of all requests"},
		"negative TTL":      {sim.Options{TTL: -time.Second}, "time to live -1s"},
		"unknown API error": {sim.Options{APIError: "Oops"}, `unknown API error "Oops"`},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := sim.Start(c.options)
			require.ErrorContains(t, err, c.says)
			require.Nil(t, s)
		})
	}
}

func TestCloseFreesPortsWithHangingRequests(t *testing.T) {
	s := start(t, sim.Options{Faults: []string{"token=hang"}})
	address := strings.TrimPrefix(s.IMDS[0], "http://")
	s.Close()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	require.NoError(t, listener.Close())
}

func TestSimulatorsWithTheSameKeysHaveTheSameRoots(t *testing.T) {
	var keys ca.Keys
	one, two := start(t, sim.Options{Keys: &keys}), start(t, sim.Options{Keys: &keys})
	require.Equal(t, string(one.Roots), string(two.Roots))
	require.Len(t, certificates(string(one.Roots)), 2)
	require.NotEqual(t, newReader(t, one).chain(t), newReader(t, two).chain(t))
}
