//go:build packages

// Package clients runs AWS's own command line, unmodified and as an ordinary user, in a
// root of Debian 13 against the simulator, and logs in to a real sshd that asks eic.
//
// It needs root, debootstrap and a network for the first run, which makes the root and
// keeps it. Every call of a client has a time-out of its own, since some faults make
// AWS's tunnel hang for ever.
package clients

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/test/host"
	"eic/test/roots"
)

func TestMain(m *testing.M) { os.Exit(host.Run(prepare, m.Run)) }

func prepare(ctx context.Context, dir string) error {
	if err := roots.Make(ctx, "clients"); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // for those who are not root
		return err
	}
	return host.Build(ctx, dir)
}

const (
	instance  = sim.DefaultInstanceID
	privateIP = sim.DefaultPrivateIP
	publicIP  = "198.51.100.10"
	ipv6      = "2001:db8::10"
	person    = "alice" // who runs the clients
)

// network is a laptop and an instance on one machine.
type network struct {
	*host.Host
	t      *testing.T
	events *buffer
}

// start starts an instance with a private address only, unless the options say
// otherwise, with sshd configured as the packages do.
func start(t *testing.T, options sim.Options, config ...string) network {
	t.Helper()
	events := new(buffer)
	options.Events = events
	if options.Keys == nil {
		options.Keys = new(ca.Keys)
	}
	h, err := host.Start(host.Options{
		Root: roots.Copy(t, "clients"), Users: []string{"ec2-user", person}, Sim: options,
		Addresses: []string{privateIP + "/32", publicIP + "/32", ipv6 + "/128"},
	})
	require.NoError(t, err)
	n := network{h, t, events}
	t.Cleanup(func() {
		if t.Failed() {
			for _, line := range h.Log.Lines("") {
				t.Logf("%s: %s", line.Program, line.Text)
			}
			t.Log(events.String())
		}
		require.NoError(t, h.Close())
	})
	require.NoError(t, h.Install())
	require.NoError(t, h.Configure(host.Packaged+strings.Join(config, "")))
	require.NoError(t, h.StartSSHD())
	require.NoError(t, h.WriteFile("/run/eic-test/tls.pem", h.Sim.TLSRoot))
	require.NoError(t, h.WriteFile("/etc/ssh/ssh_config.d/test.conf", []byte("StrictHostKeyChecking accept-new\nLogLevel ERROR\n")))
	return n
}

// result is how a client ended.
type result struct {
	host.Result
	// hung says that it was killed when its time was over.
	hung bool
}

// aws runs AWS's command line as a person, who types into it, and kills it with all
// that it started when the time is over.
func (n network) aws(limit time.Duration, typed string, args ...string) result {
	n.t.Helper()
	cmd := n.command(args...)
	cmd.Stdin = strings.NewReader(typed)
	return n.run(limit, cmd)
}

// command is a call of AWS's command line with the variables that "eic-sim env" prints.
func (n network) command(args ...string) *exec.Cmd {
	cmd := n.Command(person, "/usr/bin/timeout", append([]string{"--kill-after=1", "60", "/usr/bin/aws"}, args...)...)
	cmd.Env = append(cmd.Env, "HOME="+host.Home(person), "LC_ALL=C.UTF-8", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=2",
		"AWS_ENDPOINT_URL="+n.Sim.API, "HTTPS_PROXY="+n.Sim.Proxy,
		"AWS_CA_BUNDLE=/run/eic-test/tls.pem", "SSL_CERT_FILE=/run/eic-test/tls.pem",
		"AWS_ACCESS_KEY_ID=AKIASIMULATED", "AWS_SECRET_ACCESS_KEY=simulated",
		"AWS_REGION="+sim.DefaultRegion, "AWS_EC2_METADATA_DISABLED=true")
	return cmd
}

func (n network) run(limit time.Duration, cmd *exec.Cmd) result {
	n.t.Helper()
	cmd.Args = append([]string(nil), cmd.Args...)
	for i, arg := range cmd.Args {
		if arg == "60" {
			cmd.Args[i] = limit.String()
			cmd.Args[i] = strings.TrimSuffix(cmd.Args[i], "s")
		}
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	begin := time.Now()
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		require.NoError(n.t, err)
	}
	status := cmd.ProcessState.ExitCode()
	n.t.Logf("%s: exit status %d after %s\n%s%s", strings.Join(cmd.Args[8:], " "), status, time.Since(begin).Round(time.Millisecond), stdout.String(), stderr.String())
	return result{host.Result{Stdout: stdout.String(), Stderr: stderr.String(), Status: status}, status == 124 || status == 137}
}
