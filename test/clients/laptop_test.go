//go:build packages

package clients

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
)

// The page's lines and commands work unchanged on a laptop.
func TestLaptopPageWorks(t *testing.T) {
	text, err := os.ReadFile("../../docs/how-to/from-a-laptop.md")
	require.NoError(t, err)
	block := func(language string) []string {
		var found []string
		for _, match := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)```\n").FindAllStringSubmatch(string(text), -1) {
			found = append(found, match[1])
		}
		return found
	}
	config, commands := block("conf"), block("sh")
	require.Len(t, config, 2)
	require.Len(t, commands, 2)
	n := start(t, sim.Options{PublicIP: publicIP}, "Subsystem sftp internal-sftp")
	require.Zero(t, n.sh("mkdir -p -m 700 .ssh; cat > .ssh/config <<'END'\n"+strings.Join(config, "")+"END\n"+commands[0]).Status)

	r := n.sh(commands[1])
	require.Zero(t, r.Status)
	require.Equal(t, "ec2-user\nec2-user\n", r.Stdout)
	require.Len(t, n.recorded("SendSSHPublicKey"), 3, "expected one push for each connection")
	require.Len(t, n.recorded("OpenTunnel"), 2, "expected no tunnel for the third connection, which uses the public address")
	require.Equal(t, "ec2-user\n", n.ssh("test -s copied && whoami", "--connection-type direct").Stdout, "expected the file that scp copied")
}
