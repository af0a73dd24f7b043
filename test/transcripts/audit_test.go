package transcripts

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// The example records in docs/how-to/audit.md have the common values by which the page joins them.
func TestExampleRecordsJoin(t *testing.T) {
	text, err := os.ReadFile("../../docs/how-to/audit.md")
	require.NoError(t, err)
	events := map[string]cloudTrailEvent{}
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```\n").FindAllSubmatch(text, -1) {
		var event cloudTrailEvent
		require.NoError(t, json.Unmarshal(block[1], &event))
		events[event.Name] = event
	}
	push, tunnel := events["SendSSHPublicKey"], events["OpenTunnel"]
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(push.Parameters.Key.Line))
	require.NoError(t, err)
	fingerprint := regexp.QuoteMeta(ssh.FingerprintSHA256(key))
	require.Regexp(t, `eic\[\d+\]: Providing ssh key .*`+fingerprint+`, request-id: `+push.RequestID+
		`, for IAM principal: `+push.Identity.ARN+`\n`, string(text))
	require.Regexp(t, `sshd\[\d+\]: Accepted publickey for `+push.Parameters.User+` .* ED25519 `+fingerprint+`\n`, string(text))
	require.Contains(t, string(text), "grep -F "+push.RequestID)
	require.Equal(t, push.Identity, tunnel.Identity)
	require.NotEqual(t, push.RequestID, tunnel.RequestID)
}

type cloudTrailEvent struct {
	Name      string `json:"eventName"`
	RequestID string `json:"requestID"`
	Identity  struct {
		ARN string `json:"arn"`
	} `json:"userIdentity"`
	Parameters struct {
		User string `json:"osUser"`
		Key  struct {
			Line string `json:"publicKey"`
		} `json:"SSHKey"`
	} `json:"requestParameters"`
}
