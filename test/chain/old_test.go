package chain

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/argv"
	"eic/test/host"
	"eic/test/host/hosttest"
)

// oldSSHD imitates how sshd up to OpenSSH 7.4 reads a command's output. It reads up to the
// offered key and then waits for the command to end, without reading the rest
// (bugzilla.mindrot.org 2655). It prints that key to the sshd of this machine, and exits with
// the status of the command.
const oldSSHD = `#!/bin/sh
user=$1 fingerprint=$2 offered=$3
pipe=$(mktemp -d)/pipe
mkfifo "$pipe"
%s authorized-keys --trust-anchors %s --budget 2s --chain %s "$user" "$fingerprint" >"$pipe" &
exec 3<"$pipe"
rm -r "${pipe%%/*}"
while read -r type key comment <&3; do
	[ "$key" != "$offered" ] || { found="$type $key"; break; }
done
wait $!
status=$?
echo "$status" >>/run/old/statuses
[ "$status" = 0 ] || exit "$status"
echo "$found"
`

// More keys than fit into the pipe must not cost a login, wherever the offered key stands.
func TestOldSSHDThatStopsReadingStillAcceptsTheKey(t *testing.T) {
	const program, lines = "/opt/old/sshd", 4000 // about 320 KB
	h := hosttest.Start(t, host.Options{}, "AuthorizedKeysCommand "+program+" %u %f %k\n"+host.RunAsServiceUser+"LoginGraceTime 15\n")
	command := "/opt/chained/keys %u"
	require.NoError(t, h.WriteFile(program, fmt.Appendf(nil, oldSSHD, host.Binary, host.TrustAnchors, argv.Quote([]string{command}))))
	require.NoError(t, os.Chmod(h.Path(program), 0o755))
	require.NoError(t, os.Mkdir(h.Path("/run/old"), 0o777))
	require.NoError(t, os.Chmod(h.Path("/run/old"), 0o777))
	own := hosttest.NewKey(t, h, "own")
	other := public(t, hosttest.NewKey(t, h, "other"))
	installChained(t, h, fmt.Sprintf("yes '%s' | head -n %d; echo '%s'", other, lines, public(t, own)))
	pushed := pushedKey(t, h, "alice")
	for name, key := range map[string]string{"the first of many keys": pushed, "the last of many keys": own} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			hosttest.RequireLogin(t, h, "alice", key)
			require.Less(t, time.Since(begin), 12*time.Second)
		})
	}
	statuses, err := os.ReadFile(h.Path("/run/old/statuses"))
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("0\n", 4), string(statuses), "expected status 0 in two runs for each of the two keys")
	requireNobodyLeft(t, h)
}
