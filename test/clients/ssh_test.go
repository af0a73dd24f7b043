//go:build packages

package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/test/host"
)

// The address on which sshd accepted the connection shows which way it took.
func TestAWSCLILogsInDirectlyAndThroughTheEndpoint(t *testing.T) {
	keys := new(ca.Keys)
	everywhere := sim.Options{Keys: keys, PublicIP: publicIP, IPv6: ipv6}
	private := sim.Options{Keys: keys}
	for name, try := range map[string]struct {
		options sim.Options
		flags   string
		to      string
		tunnels int
	}{
		"directly to the public address":                  {everywhere, "--connection-type direct", publicIP, 0},
		"directly to an IPv6 address":                     {everywhere, "--connection-type direct --instance-ip " + ipv6, ipv6, 0},
		"directly to the private address":                 {private, "--connection-type direct", privateIP, 0},
		"through the Endpoint":                            {everywhere, "--connection-type eice", privateIP, 1},
		"through the Endpoint to IPv6":                    {everywhere, "--connection-type eice --instance-ip " + ipv6, ipv6, 1},
		"as the client chooses, with a public address":    {everywhere, "", publicIP, 0},
		"as the client chooses, without a public address": {private, "", privateIP, 1},
		"through an Endpoint given by its id":             {private, "--connection-type eice --eice-options maxTunnelDuration=60,endpointId=" + sim.DefaultEndpoint, privateIP, 1},
	} {
		t.Run(name, func(t *testing.T) {
			n := start(t, try.options)
			r := n.ssh("whoami; echo $SSH_CONNECTION", try.flags)
			require.Zero(t, r.Status)
			lines := strings.Split(strings.TrimSpace(r.Stdout), "\n")
			require.Equal(t, "ec2-user", lines[0])
			require.Equal(t, []string{try.to, "22"}, strings.Fields(lines[1])[2:])
			require.Len(t, n.recorded("OpenTunnel"), try.tunnels)
			require.Len(t, n.recorded("SendSSHPublicKey"), 1)
			if strings.Contains(try.flags, "maxTunnelDuration") {
				require.Equal(t, "60", n.recorded("OpenTunnel")[0].Parameters.Seconds)
			}
		})
	}
}

// With the proxy, AWS's real URLs work, including those for FIPS 140.
func TestAWSCLIUsesAWSsRealURLs(t *testing.T) {
	n := start(t, sim.Options{})
	for _, variable := range []string{"AWS_USE_FIPS_ENDPOINT=false", "AWS_USE_FIPS_ENDPOINT=true"} {
		r := n.ssh("whoami", "--connection-type eice", "AWS_ENDPOINT_URL=", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true", variable)
		require.Zero(t, r.Status)
		require.Equal(t, "ec2-user\n", r.Stdout)
	}
	require.Len(t, n.recorded("OpenTunnel"), 2)
}

func TestSixPeopleLogInAtOnce(t *testing.T) {
	n := start(t, sim.Options{})
	r := n.sh(`for i in 1 2 3 4 5 6; do
		echo "echo $i" | aws ec2-instance-connect ssh --connection-type eice --instance-id ` + instance + ` &
	done
	wait`)
	require.Zero(t, r.Status)
	require.ElementsMatch(t, []string{"1", "2", "3", "4", "5", "6"}, strings.Fields(r.Stdout))
	require.Len(t, n.recorded("OpenTunnel"), 6)
}

// push makes a key pair and pushes its public half for ec2-user.
const push = `ssh-keygen -q -t ed25519 -N "" -f key
aws ec2-instance-connect send-ssh-public-key --instance-id ` + instance + ` --instance-os-user ec2-user --ssh-public-key file://key.pub >&2
`

func TestFiveMegabytesGoBothWaysThroughAProxyCommand(t *testing.T) {
	n := start(t, sim.Options{})
	r := n.sh(push + `head -c 5242880 /dev/urandom > sent
ssh -i key -o "ProxyCommand aws ec2-instance-connect open-tunnel --instance-id %h" ec2-user@` + instance + ` cat < sent > received
sha256sum < sent; sha256sum < received`)
	require.Zero(t, r.Status)
	sums := strings.Fields(r.Stdout)
	require.Equal(t, sums[0], sums[2])
}

func TestLocalPortForwardsThroughTheTunnel(t *testing.T) {
	n := start(t, sim.Options{})
	r := n.sh(push + `aws ec2-instance-connect open-tunnel --instance-id ` + instance + ` --local-port 2200 >&2 &
tunnel=$!
while ! ss -Hltn | grep -q :2200; do sleep 0.2; done
ssh -i key -p 2200 ec2-user@127.0.0.1 whoami
ssh -i key -p 2200 ec2-user@127.0.0.1 id -un
kill $tunnel`)
	require.Zero(t, r.Status)
	require.Equal(t, "ec2-user\nec2-user\n", r.Stdout)
	require.Len(t, n.recorded("OpenTunnel"), 2)
}

// AWS's command line shows the simulator's error if something is not allowed or missing.
func TestAWSCLIShowsWhyACallIsRefused(t *testing.T) {
	keys := new(ca.Keys)
	for name, try := range map[string]struct {
		options sim.Options
		script  string
		status  int
		shows   string
	}{
		"an unknown instance": {sim.Options{}, "aws ec2-instance-connect ssh --instance-id i-0fedcba9876543210", 254,
			"An error occurred (InvalidInstanceID.NotFound) when calling the DescribeInstances operation: The instance ID 'i-0fedcba9876543210' does not exist"},
		"no Endpoint": {sim.Options{Endpoints: []string{}}, "aws ec2-instance-connect ssh --connection-type eice --instance-id " + instance, 252,
			"There are no available instance connect endpoints."},
		"an unknown Endpoint": {sim.Options{}, "aws ec2-instance-connect open-tunnel --instance-id " + instance + " --instance-connect-endpoint-id eice-0000000000000000f", 254,
			"(InvalidInstanceConnectEndpointId.NotFound)"},
		"a port that tunnels must not use": {sim.Options{}, "aws ec2-instance-connect open-tunnel --remote-port 5432 --instance-id " + instance, 255,
			`{"ErrorCode":"InvalidParameter","Message":"The specified RemotePort is not valid. Specify either 22 or 3389 as the RemotePort and retry your request."}`},
		"a port that nobody listens on": {sim.Options{}, "aws ec2-instance-connect open-tunnel --remote-port 3389 --instance-id " + instance, 255,
			"Websocket Closure Reason: Unable to connect to target"},
		"an address that is not the instance's": {sim.Options{}, "aws ec2-instance-connect open-tunnel --private-ip-address 127.0.0.1 --instance-connect-endpoint-id " + sim.DefaultEndpoint, 255,
			"Websocket Closure Reason: Unable to connect to target"},
		"a wrong secret": {sim.Options{}, "AWS_SECRET_ACCESS_KEY=wrong aws ec2-instance-connect ssh --instance-id " + instance, 254,
			"An error occurred (AuthFailure) when calling the DescribeInstances operation: AWS was not able to validate the provided access credentials"},
		"a wrong secret for a push": {sim.Options{}, "ssh-keygen -q -t ed25519 -N '' -f key; AWS_SECRET_ACCESS_KEY=wrong aws ec2-instance-connect send-ssh-public-key " +
			"--instance-id " + instance + " --instance-os-user ec2-user --ssh-public-key file://key.pub", 254,
			"An error occurred (InvalidSignatureException) when calling the SendSSHPublicKey operation: The request signature we calculated does not match"},
		"a user with no account": {sim.Options{}, "aws ec2-instance-connect ssh --os-user nobody-here --connection-type eice --instance-id " + instance, 255,
			"Permission denied (publickey)"},
	} {
		t.Run(name, func(t *testing.T) {
			try.options.Keys = keys
			n := start(t, try.options)
			r := n.sh(try.script)
			require.Contains(t, r.Stderr, try.shows)
			require.Equal(t, try.status, r.Status)
		})
	}
}

// AWS's command line behaves as "eic-sim faults" says of each fault.
func TestAWSCLIReactsToEveryFaultAsListed(t *testing.T) {
	keys := new(ca.Keys)
	for _, f := range sim.ClientFaults() {
		t.Run(f.Name, func(t *testing.T) {
			n := start(t, sim.Options{Keys: keys, Faults: []string{f.Name}})
			hangs := strings.Contains(f.Client, "hangs forever")
			within := limit
			if hangs {
				within = 15 * time.Second
			}
			r := n.shWithin(within, "aws ec2-instance-connect open-tunnel --instance-id "+instance)
			require.Equal(t, hangs, r.hung)
			if !hangs {
				require.Contains(t, f.Client, fmt.Sprintf("exit status %d", r.Status))
			}
			shown := map[string]string{
				"api=denied": "(UnauthorizedOperation)", "api=throttled": "(RequestLimitExceeded)",
				"tunnel=denied": `{"ErrorCode":"AccessDenied"`, "tunnel=throttled": `{"ErrorCode":"TooManyRequests"`,
				"tunnel=dial-failure": "Websocket Closure Reason: Unable to connect to target",
				"tunnel=close-code":   "Websocket Closure Reason: Asked for",
				"tunnel=text-frame":   "Received invalid data from server",
			}[f.Name]
			require.Contains(t, r.Stderr, shown)
		})
	}
}

// After the commands of "eic-sim env", a shell needs nothing else to use the simulator.
func TestShellUsesTheSimulatorAfterEicSimEnv(t *testing.T) {
	n := start(t, sim.Options{})
	program, err := os.ReadFile(filepath.Join(host.Prepared(), "eic-sim"))
	require.NoError(t, err)
	require.NoError(t, n.WriteFile("/usr/bin/eic-sim", program))
	require.NoError(t, os.Chmod(n.Path("/usr/bin/eic-sim"), 0o755))
	r := n.sh(`env -i HOME=$HOME PATH=$PATH sh -euc '
eic-sim serve --dir sim --reach 10.0.0.10:22=127.0.0.1:22 >/dev/null &
trap "kill $!" EXIT
while ! test -e sim/endpoints.json; do sleep 0.1; done
eval "$(eic-sim env --dir sim)"
echo whoami | aws ec2-instance-connect ssh --connection-type eice --instance-id ` + instance + `'`)
	require.Contains(t, r.Stderr, "Permission denied (publickey)", "eic asks another simulator than the shell")
	require.Empty(t, n.events.String(), "expected no call to the other simulator")
	require.NoError(t, n.Log.Wait(t.Context(), "sshd", "Connection closed by authenticating user ec2-user 127.0.0.1"))
}
