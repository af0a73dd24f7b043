package e2e

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/imds"
	"eic/test/host"
	"eic/test/host/hosttest"
)

func TestKeyLogsInOnAnIPv6OnlyInstance(t *testing.T) {
	h := hosttest.Start(t, host.Options{IPv6Only: true}, host.Packaged)
	key := hosttest.NewKey(t, h, "key")
	hosttest.Push(t, h, "alice", key)
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprint(addresses), ".", "the host must not have an IPv4 address")
	hosttest.RequireLogin(t, h, "alice", key)
}

func TestIPv6IsTriedIfIPv4IsRefused(t *testing.T) {
	h := hosttest.Start(t, host.Options{Sim: sim.Options{Faults: []string{"imds=ipv6-only"}}}, host.Packaged)
	key := hosttest.NewKey(t, h, "key")
	hosttest.Push(t, h, "alice", key)
	hosttest.RequireLogin(t, h, "alice", key)
}

func TestXenInstanceRequestsItsID(t *testing.T) {
	h := hosttest.Start(t, host.Options{Platform: host.Xen}, host.Packaged)
	key := hosttest.NewKey(t, h, "key")
	hosttest.Push(t, h, "alice", key)
	hosttest.RequireLogin(t, h, "alice", key)
	require.Equal(t, 2, h.Sim.Stats().Requests[imds.StageInstanceID], "expected one request in each of sshd's two runs")
}

func TestNitroInstanceDoesNotRequestItsID(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, host.Packaged)
	key := hosttest.NewKey(t, h, "key")
	hosttest.Push(t, h, "alice", key)
	hosttest.RequireLogin(t, h, "alice", key)
	require.Zero(t, h.Sim.Stats().Requests[imds.StageInstanceID])
}

func TestMachineOutsideEC2SendsNoRequest(t *testing.T) {
	h := hosttest.Start(t, host.Options{Platform: host.NotEC2}, host.Packaged)
	key := hosttest.NewKey(t, h, "key")
	hosttest.Push(t, h, "alice", key)
	hosttest.RequireNoLogin(t, h, "alice", key)
	require.Equal(t, host.Result{}, hosttest.Capture(t, h.Command(host.ServiceUser, host.Binary,
		"authorized-keys", "--trust-anchors", host.TrustAnchors, "alice")))
	require.Zero(t, h.Sim.Stats().Total())
	require.Empty(t, h.Log.Texts("eic"))
}
