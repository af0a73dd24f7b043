package enable

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sshd"
	"eic/internal/sshd/sshdtest"
)

// slowServer is an sshd whose configuration test never ends if eic's drop-in is present, or
// absent, as /run/when says.
const slowServer = `#!/bin/bash
now=absent
[ -e ` + sshd.DropIn + ` ] && now=present
if [ "$1" = -t ] && [ "$(</run/when)" = $now ]; then
	echo >/run/reached
	read </run/never
fi
exec /usr/sbin/sshd.real "$@"
`

// newSlowRoot creates a root with eic and slowServer.
func newSlowRoot(t *testing.T, when string) string {
	t.Helper()
	root := sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst, "run/when": "not yet"})
	sshdtest.InstallEic(t, root)
	server := filepath.Join(root, "usr/sbin/sshd")
	require.NoError(t, os.Rename(server, server+".real"))
	require.NoError(t, os.WriteFile(server, []byte(slowServer), 0o755))
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "run/never"), 0o600))
	if when == "absent" {
		out, err := sshdtest.Command(root, sshd.Program, "enable").CombinedOutput()
		require.NoError(t, err, string(out))
	}
	sshdtest.PutFiles(t, root, map[string]string{"run/when": when})
	return root
}

// A dropped connection, a timeout of Systems Manager or ^C may interrupt eic after it wrote
// its lines, and before sshd has tested them.
func TestSignalUndoesAnUntestedChange(t *testing.T) {
	for _, change := range []struct{ command, when string }{{"enable", "present"}, {"disable", "absent"}} {
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
			t.Run(change.command+" by "+signal.String(), func(t *testing.T) {
				root := newSlowRoot(t, change.when)
				before := sshdtest.Snapshot(t, filepath.Join(root, "etc"))
				cmd := sshdtest.Command(root, sshd.Program, change.command)
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				require.NoError(t, cmd.Start())
				require.Eventually(t, func() bool {
					_, err := os.Stat(filepath.Join(root, "run/reached"))
					return err == nil
				}, 20*time.Second, 10*time.Millisecond)
				require.NotEqual(t, before, sshdtest.Snapshot(t, filepath.Join(root, "etc")), "expected changed files before the signal")

				require.NoError(t, cmd.Process.Signal(signal))
				var exit *exec.ExitError
				require.ErrorAs(t, cmd.Wait(), &exit)
				require.Equal(t, 1, exit.ExitCode(), stderr.String())
				require.Contains(t, stderr.String(), "interrupted, so eic restores the old configuration: "+signal.String())
				require.Equal(t, before, sshdtest.Snapshot(t, filepath.Join(root, "etc")))
			})
		}
	}
}
