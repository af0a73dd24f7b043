package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"eic/internal/sim"
	"eic/test/host"
)

// lifetime is how long a pushed key is valid in the demo. On AWS, a key is valid for a minute,
// which is a long wait. It must be some seconds, because AWS's command line takes some between
// its push and its login.
const lifetime = 30 * time.Second

// stage is the environment in which the steps run.
type stage struct {
	sim *sim.Sim
	// host is nil if only the simulator runs.
	host *host.Host
	// dir has files, and also the program eic if there is no host.
	dir string
	// events is the file with CloudTrail's events.
	events string
	// close removes everything.
	close func()
}

// openHost opens a stage with a host, sshd and the simulator.
func openHost(context.Context) (*stage, error) {
	events, err := os.Create(filepath.Join(host.Prepared(), "events.json"))
	if err != nil {
		return nil, err
	}
	options, err := simulated(events)
	if err != nil {
		return nil, err
	}
	h, err := host.Start(host.Options{
		Users: []string{"alice", "bob", "ec2-user"}, Sim: options, Addresses: []string{sim.DefaultPrivateIP + "/32"},
	})
	if err != nil {
		return nil, err
	}
	end := func() { _ = errors.Join(h.Close(), events.Close()) } // whatever is left ends with this process
	for _, step := range []func() error{
		h.Install, func() error { return h.Configure(host.Packaged) }, func() error { return h.StartSSHD() },
	} {
		if err := step(); err != nil {
			end()
			return nil, err
		}
	}
	return &stage{sim: h.Sim, host: h, dir: h.Dir(), events: events.Name(), close: end}, nil
}

// openLoopback opens a stage for users other than root: the simulator on free ports of the
// loopback interface.
func openLoopback(ctx context.Context, binary string) (*stage, error) {
	if missing := host.Missing(host.SSHKeygen); len(missing) > 0 {
		return nil, fmt.Errorf("nothing can be shown without a key: the package %s is missing", missing[0])
	}
	dir, err := os.MkdirTemp("", "eic-demo-")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir}
	s.close = func() {
		if s.sim != nil {
			s.sim.Close()
		}
		_ = os.RemoveAll(dir) // a directory of temporary files
	}
	options, err := simulated(nil)
	if err == nil {
		err = obtain(ctx, binary, dir)
	}
	if err == nil {
		s.sim, err = sim.Start(options)
	}
	if err == nil {
		err = os.WriteFile(s.trustAnchors(), s.sim.Roots, 0o644)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) keyFile() string { return filepath.Join(s.dir, "demo-key") }

func (s *stage) trustAnchors() string { return filepath.Join(s.dir, "roots.pem") }

func (s *stage) service() host.Service {
	return host.Service{Endpoint: s.sim.API, InstanceID: sim.DefaultInstanceID}
}

// authorizedKeys returns the command that prints a user's keys. Without root it returns one
// that only shows which keys would be printed: eic authorized-keys accepts a file of trust
// anchors only if root owns it.
func (s *stage) authorizedKeys(user string) *exec.Cmd {
	if s.host != nil {
		return s.host.Command(host.ServiceUser, host.Binary, "authorized-keys", "--trust-anchors", host.TrustAnchors, user)
	}
	return exec.Command(filepath.Join(s.dir, "eic"), "explain", "--imds-endpoint", s.sim.IMDS[0],
		"--no-instance-check", "--trust-anchors", s.trustAnchors(), user)
}

// facts returns lines that describe the stage.
func (s *stage) facts() []string {
	facts := []string{
		"Pushed keys live for " + lifetime.String() + " here; AWS's live for 60s.",
		"Metadata service  " + strings.Join(s.sim.IMDS, " and "),
		"API               " + s.sim.API,
		"Instance          " + sim.DefaultInstanceID + " in " + sim.DefaultRegion,
	}
	if s.host != nil {
		facts = append(facts,
			"All of it is in namespaces that end with this program: its own network, files and processes.",
			"The instance has no public address, only "+sim.DefaultPrivateIP+"; its VPC has the Endpoint "+sim.DefaultEndpoint+".",
			"sshd is on port 22 there, for the users alice, bob and ec2-user, with these lines in sshd_config:")
		for _, line := range strings.Split(strings.TrimSpace(host.Packaged), "\n") {
			facts = append(facts, "    "+line)
		}
	}
	return facts
}

// notShown returns lines that say what the demo cannot show, and why.
func (s *stage) notShown() []string {
	var lines []string
	if s.host == nil {
		lines = append(lines, "Not shown: a login with the real ssh through a real sshd. That needs namespaces, and so root.")
		if missing := host.Missing(host.Needed()...); len(missing) > 0 {
			lines = append(lines, "It needs these packages too, which are missing: "+strings.Join(missing, ", ")+".")
		}
	}
	if able, why := opensTunnels(context.Background()); !able && s.host != nil {
		lines = append(lines, "Not shown: a login through the Endpoint. "+newest+", and "+why+".")
	}
	if missing := host.Missing(host.AWS); len(missing) > 0 {
		lines = append(lines, "Not shown: AWS's own command pushing the key. The package "+missing[0]+" is missing;")
		lines = append(lines, "the same call is made through AWS's client library instead.")
	}
	return lines
}
