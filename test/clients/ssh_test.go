//go:build packages

package clients

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
)

func TestAWSCLILogsIn(t *testing.T) {
	n := start(t, sim.Options{})
	r := n.aws(40*time.Second, "whoami\n", "ec2-instance-connect", "ssh", "--instance-id", instance, "--connection-type", "eice")
	require.Zero(t, r.Status)
	require.Equal(t, "ec2-user\n", r.Stdout)
	t.Log(n.events.String(), n.Log.Texts(""))
}
