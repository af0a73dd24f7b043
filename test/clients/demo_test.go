//go:build packages

package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"eic/test/host"
	"eic/test/roots"
)

// Where AWS's command line is new enough the demo leaves nothing out.
func TestTheDemoShowsTheEndpointOnDebian13(t *testing.T) {
	root := roots.Copy(t, "clients")
	require.NoError(t, unix.Mount("proc", filepath.Join(root, "proc"), "proc", 0, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(filepath.Join(root, "proc"), unix.MNT_DETACH)) })
	for _, name := range []string{"demo", "eic"} {
		program, err := os.ReadFile(filepath.Join(host.Prepared(), name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(root, name), program, 0o755))
	}
	cmd := &exec.Cmd{
		Path: "/demo", Args: []string{"/demo", "--eic", "/eic"}, Dir: "/",
		Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, SysProcAttr: &syscall.SysProcAttr{Chroot: root},
	}
	r, err := host.Capture(t.Context(), cmd)
	require.NoError(t, err)
	t.Log(r.Stdout, r.Stderr)
	require.Zero(t, r.Status)
	require.Equal(t, 9, strings.Count(r.Stdout, "   as expected "))
	require.NotContains(t, r.Stdout, "Not shown")
	require.Contains(t, r.Stdout, "--connection-type eice\n   ec2-user\n")
	require.Contains(t, r.Stdout, "   CloudTrail  SendSSHPublicKey for ec2-user by arn:aws:iam::123456789012:user/alice\n"+
		"   CloudTrail  OpenTunnel through eice-0123456789abcdef0 to 10.0.0.10 by arn:aws:iam::123456789012:user/alice\n")
}
