//go:build packages

package clients

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/internal/sim/iam"
)

// allowing returns a policy that allows a push under a condition, and the other calls of a
// login.
func allowing(t *testing.T, condition string) *iam.Policy {
	t.Helper()
	if condition != "" {
		condition = fmt.Sprintf(`, "Condition": {"StringEquals": {"ec2:osuser": %q}}`, condition)
	}
	policy, err := iam.ParsePolicy([]byte(`{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "ec2-instance-connect:SendSSHPublicKey", "Resource": "arn:aws:ec2:us-east-1:123456789012:instance/*"` + condition + `},
		{"Effect": "Allow", "Action": "ec2-instance-connect:OpenTunnel", "Resource": "arn:aws:ec2:us-east-1:123456789012:instance-connect-endpoint/*",
		 "Condition": {"NumericEquals": {"ec2-instance-connect:remotePort": "22"}, "IpAddress": {"ec2-instance-connect:privateIpAddress": "10.0.0.0/24"}}},
		{"Effect": "Allow", "Action": ["ec2:DescribeInstances", "ec2:DescribeInstanceConnectEndpoints"], "Resource": "*"}]}`))
	require.NoError(t, err)
	return policy
}

// IAM decides for which users a key may be pushed. sshd decides who may log in. Neither
// knows about the other's decision.
func TestIAMLimitsPushesAndSSHDLimitsLogins(t *testing.T) {
	const (
		loggedIn = iota
		refusedByIAM
		refusedBySSHD
	)
	keys := new(ca.Keys)
	for _, try := range []struct {
		name, condition, sshd string
		ec2User, alice        int
	}{
		{"no condition", "", "", loggedIn, loggedIn},
		{"only for ec2-user", "ec2-user", "", loggedIn, refusedByIAM},
		{"only for another user", "alice", "", refusedByIAM, loggedIn},
		{"only for another user, who is not in AllowUsers", "alice", "AllowUsers ec2-user", refusedByIAM, refusedBySSHD},
	} {
		t.Run(try.name, func(t *testing.T) {
			n := start(t, sim.Options{Keys: keys, Policy: allowing(t, try.condition)}, try.sshd)
			for user, want := range map[string]int{"ec2-user": try.ec2User, "alice": try.alice} {
				before := len(n.recorded("SendSSHPublicKey"))
				r := n.ssh("whoami", "--connection-type direct --os-user "+user)
				event := n.recorded("SendSSHPublicKey")[before]
				require.Equal(t, user, event.Parameters.User)
				switch want {
				case loggedIn:
					require.Equal(t, user+"\n", r.Stdout)
					require.Zero(t, r.Status)
					require.Empty(t, event.ErrorCode)
				case refusedByIAM:
					message := "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: ec2-instance-connect:SendSSHPublicKey on resource: " +
						"arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0 because no identity-based policy allows the ec2-instance-connect:SendSSHPublicKey action"
					require.Contains(t, r.Stderr, "An error occurred (AccessDeniedException) when calling the SendSSHPublicKey operation: "+message)
					require.Equal(t, 254, r.Status)
					require.Equal(t, "AccessDenied", event.ErrorCode)
					require.Equal(t, message, event.ErrorMessage)
				case refusedBySSHD:
					require.Contains(t, r.Stderr, "Permission denied (publickey)")
					require.Equal(t, 255, r.Status)
					require.Empty(t, event.ErrorCode, "expected the push to succeed")
					require.NoError(t, n.Log.Wait(t.Context(), "sshd", "User alice from 10.0.0.10 not allowed because not listed in AllowUsers"))
				}
			}
		})
	}
}

// docs/how-to/audit.md leads from sshd's record to the IAM principal who pushed the key.
func TestRecordsLeadFromALoginToItsPrincipal(t *testing.T) {
	n := start(t, sim.Options{Policy: allowing(t, "ec2-user")})
	require.Equal(t, "ec2-user\n", n.ssh("whoami", "--connection-type eice").Stdout)

	accepted := n.line(`^Accepted publickey for (\S+) from (\S+) port \d+ ssh2: ED25519 (SHA256:\S+)$`, "sshd")
	require.Equal(t, "ec2-user", accepted[1])
	provided := n.line(`^Providing ssh key from EC2 Instance Connect with fingerprint: (\S+), request-id: (\S+), for IAM principal: (\S+)$`, "eic")
	require.Equal(t, accepted[3], provided[1], "sshd's and eic's records must have the same fingerprint")

	pushes := n.recorded("SendSSHPublicKey")
	require.Len(t, pushes, 1)
	require.Equal(t, provided[2], pushes[0].RequestID, "eic's record and CloudTrail's event must have the same request id")
	require.Equal(t, provided[3], pushes[0].Identity.ARN)
	require.Equal(t, accepted[1], pushes[0].Parameters.User)
	require.Equal(t, provided[1], n.fingerprint(pushes[0].Parameters.Key.Line))

	tunnels := n.recorded("OpenTunnel")
	require.Len(t, tunnels, 1)
	require.Equal(t, pushes[0].Identity, tunnels[0].Identity, "the events of the push and the tunnel must have the same principal")
	require.Equal(t, privateIP, tunnels[0].Parameters.Address)
	require.Equal(t, "22", tunnels[0].Parameters.Port)
	require.NotEqual(t, pushes[0].RequestID, tunnels[0].RequestID)
}

// line returns the first line of a program in the system log that matches an expression, and
// the groups of the match.
func (n network) line(expression, program string) []string {
	n.t.Helper()
	for _, text := range n.Log.Texts(program) {
		if match := regexp.MustCompile(expression).FindStringSubmatch(text); match != nil {
			return match
		}
	}
	require.Failf(n.t, "no such line in the system log", "%s logged nothing like %s", program, expression)
	return nil
}
