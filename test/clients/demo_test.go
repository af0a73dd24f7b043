//go:build packages

package clients

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/test/host"
	"eic/test/host/mount"
	"eic/test/roots"
	"eic/test/transcripts"
)

// demo runs the demo in a root with a version of AWS's command line that opens tunnels.
func demo(t *testing.T, typed string, flags ...string) host.Result {
	t.Helper()
	root := roots.Copy(t, "clients")
	require.NoError(t, mount.Mount("proc", filepath.Join(root, "proc"), "proc", 0, ""))
	t.Cleanup(func() { require.NoError(t, mount.Unmount(filepath.Join(root, "proc"))) })
	for _, name := range []string{"demo", "eic"} {
		program, err := os.ReadFile(filepath.Join(host.Prepared(), name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(root, name), program, 0o755))
	}
	cmd := &exec.Cmd{
		Path: "/demo", Args: append([]string{"/demo", "--eic", "/eic"}, flags...), Dir: "/", Stdin: strings.NewReader(typed),
		Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, SysProcAttr: &syscall.SysProcAttr{Chroot: root},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	r, err := host.Capture(ctx, cmd)
	require.NoError(t, err)
	t.Log(r.Stdout, r.Stderr)
	return r
}

func TestDemoShowsTheEndpointOnDebian13(t *testing.T) {
	r := demo(t, "")
	require.Zero(t, r.Status)
	require.Equal(t, 9, strings.Count(r.Stdout, "   as expected "))
	require.NotContains(t, r.Stdout, "Not shown")
	require.Contains(t, r.Stdout, "--connection-type eice\n   ec2-user\n")
	require.Contains(t, r.Stdout, "   CloudTrail  SendSSHPublicKey for ec2-user by arn:aws:iam::123456789012:user/alice\n"+
		"   CloudTrail  OpenTunnel through eice-0123456789abcdef0 to 10.0.0.10 by arn:aws:iam::123456789012:user/alice\n")
}

var update = flag.Bool("update", false, "write the transcript into docs/tutorials/try-it.md instead of comparing it")

// docs/tutorials/try-it.md shows the demo's output, except for values that differ in every
// run.
func TestTryItShowsTheDemosOutput(t *testing.T) {
	const (
		login  = "aws ec2-instance-connect ssh --instance-id i-0123456789abcdef0 --connection-type eice"
		denied = "aws ec2-instance-connect ssh --instance-id i-0123456789abcdef0 --os-user root"
		events = `sed 's/.*"eventName":"\([^"]*\)".*"userAgent":"[^"]*",\(.*\),"responseElements".*/\1 \2/' $EVENTS`
	)
	const module = "../.."
	const mark = "the story begins"
	r := demo(t, "exec 2>&1; echo '"+mark+"'\n"+
		"echo '$ "+login+"'; echo 'whoami' | "+login+"\n"+
		"echo '$ "+denied+"'; "+denied+"\n"+
		"cat <<'EOF'\n$ "+events+"\nEOF\n"+events+"\n", "--shell")
	require.Zero(t, r.Status)
	_, story, found := strings.Cut(r.Stdout, mark+"\n")
	require.True(t, found)
	key := regexp.MustCompile(`AAAAC3[A-Za-z0-9+/]*`)
	transcripts.Compare(t, []string{module + "/docs/tutorials/try-it.md"}, map[string]string{"try-it": key.ReplaceAllLiteralString(story, "AAAAC3NzaC1lZDI1NTE5AAAAIOy89h7QX3Q1jvRWAzMkqQhb4bT4vdg1BfSVDp4gCJkR")}, *update)
}
