//go:build packages

// Package clients runs AWS's own command line, unmodified and as an ordinary user, in a
// root of Debian 13 against the simulator, and logs in to a real sshd that asks eic.
//
// It needs root, debootstrap and a network for the first run, which makes the root and
// keeps it. Every call of a client has a timeout, because some faults make AWS's tunnel hang
// forever.
package clients

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/internal/sim/iam"
	"eic/test/host"
	"eic/test/roots"
)

func TestMain(m *testing.M) { os.Exit(host.Run(prepare, m.Run)) }

func prepare(ctx context.Context, dir string) error {
	if err := roots.Make(ctx, "clients"); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // readable without root
		return err
	}
	for name, command := range map[string]string{"eic-sim": "eic/cmd/eic-sim", "demo": "eic/test/demo"} {
		if err := host.BuildRelease(ctx, filepath.Join(dir, name), command); err != nil {
			return err
		}
	}
	return host.Build(ctx, dir)
}

const (
	instance  = sim.DefaultInstanceID
	privateIP = sim.DefaultPrivateIP
	publicIP  = "198.51.100.10"
	ipv6      = "2001:db8::10"
	person    = "alice" // the user who runs the clients

	accessKey = "AKIDALICE"
	secretKey = "simulated+secret/"
	caller    = "arn:aws:iam::123456789012:user/alice"
)

// network is an instance, and a laptop on the same machine.
type network struct {
	*host.Host
	t      *testing.T
	events *buffer
}

// start starts an instance with sshd configured as by the packages. It has only a private
// address, unless the options say otherwise.
func start(t *testing.T, options sim.Options, config ...string) network {
	t.Helper()
	events := new(buffer)
	options.Events = events
	options.Principals = map[string]iam.Principal{accessKey: {Secret: secretKey, ARN: caller}}
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
	require.NoError(t, h.Configure(host.Packaged+strings.Join(config, "\n")))
	require.NoError(t, h.StartSSHD())
	require.NoError(t, h.WriteFile("/etc/ssh/ssh_config.d/test.conf", []byte("StrictHostKeyChecking accept-new\nLogLevel ERROR\n")))
	return n
}

// result is the result of a client.
type result struct {
	host.Result
	// hung is true if the client was killed at its time limit.
	hung bool
}

// limit is the time limit of a script that is not expected to hang.
const limit = 100 * time.Second

// sh runs a shell script as the person, in the home directory, with the variables that
// "eic-sim env" prints. The given variables override these.
func (n network) sh(script string, variables ...string) result {
	n.t.Helper()
	return n.shWithin(limit, script, variables...)
}

// shWithin is sh with a timeout, after which the script and its child processes are killed.
func (n network) shWithin(limit time.Duration, script string, variables ...string) result {
	n.t.Helper()
	cmd := n.Command(person, "/usr/bin/timeout", "--kill-after=1", strconv.Itoa(int(limit.Seconds())), "/bin/sh", "-euc", "cd; "+script)
	cmd.Env = slices.Concat(cmd.Env, n.ClientEnvironment(), []string{
		"HOME=" + host.Home(person), "LC_ALL=C.UTF-8", "AWS_MAX_ATTEMPTS=2",
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey,
	}, variables)
	begin := time.Now()
	r, err := host.Capture(n.t.Context(), cmd)
	require.NoError(n.t, err)
	n.t.Logf("%s: exit status %d after %s\n%s%s", script, r.Status, time.Since(begin).Round(time.Millisecond), r.Stdout, r.Stderr)
	return result{r, r.Status == 124 || r.Status == 137}
}

// ssh logs in with AWS's command line, as ec2-user unless the flags say otherwise, and
// types a command.
func (n network) ssh(command, flags string, variables ...string) result {
	n.t.Helper()
	return n.sh("echo '"+command+"' | aws ec2-instance-connect ssh --instance-id "+instance+" "+flags, variables...)
}

// fingerprint returns the fingerprint of a public key's line, as ssh-keygen prints it.
func (n network) fingerprint(line string) string {
	n.t.Helper()
	r := n.sh("echo '" + line + "' | ssh-keygen -lf -")
	require.Zero(n.t, r.Status)
	return strings.Fields(r.Stdout)[1]
}

// event has the fields of an event that the tests read.
type event struct {
	Name         string `json:"eventName"`
	RequestID    string `json:"requestID"`
	ErrorCode    string `json:"errorCode"`
	ErrorMessage string `json:"errorMessage"`
	Identity     struct {
		ARN string `json:"arn"`
	} `json:"userIdentity"`
	Parameters struct {
		User string `json:"osUser"`
		Key  struct {
			Line string `json:"publicKey"`
		} `json:"SSHKey"`
		Address string `json:"privateIpAddress"`
		Port    string `json:"remotePort"`
		Seconds string `json:"maxTunnelDuration"`
	} `json:"requestParameters"`
}

// recorded returns the events of an operation until now.
func (n network) recorded(name string) []event {
	n.t.Helper()
	var events []event
	for line := range strings.Lines(n.events.String()) {
		var e event
		require.NoError(n.t, json.Unmarshal([]byte(line), &e))
		if e.Name == name {
			events = append(events, e)
		}
	}
	return events
}
