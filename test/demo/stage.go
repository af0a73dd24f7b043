package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"eic/internal/sim"
	"eic/test/host"
)

// lifetime is how long a pushed key lives here. AWS's live for a minute, which is
// long to wait for the end of.
const lifetime = 15 * time.Second

// stage is where the steps are shown.
type stage struct {
	sim *sim.Sim
	// host is nil where only the simulator runs.
	host *host.Host
	// dir is for files, among them eic where there is no host.
	dir string
	// close removes everything.
	close func()
}

// openHost is a stage with everything on it.
func openHost(context.Context) (*stage, error) {
	h, err := host.Start(host.Options{Users: []string{"alice", "bob"}, Sim: sim.Options{TTL: lifetime}})
	if err != nil {
		return nil, err
	}
	end := func() { _ = h.Close() } // what remains ends with this process
	for _, step := range []func() error{
		h.Install, func() error { return h.Configure(host.Packaged) }, h.StartSSHD,
	} {
		if err := step(); err != nil {
			end()
			return nil, err
		}
	}
	return &stage{sim: h.Sim, host: h, dir: h.Dir(), close: end}, nil
}

// openLoopback is a stage for those who are not root: the simulator on free ports of
// the loopback interface.
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
	err = obtain(ctx, binary, dir)
	if err == nil {
		s.sim, err = sim.Start(sim.Options{TTL: lifetime})
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

// authorizedKeys is the command that prints a user's keys.
func (s *stage) authorizedKeys(user string) *exec.Cmd {
	if s.host != nil {
		return s.host.Command(host.ServiceUser, host.Binary, "authorized-keys", "--trust-anchors", host.TrustAnchors, user)
	}
	return exec.Command(filepath.Join(s.dir, "eic"), "authorized-keys", "--imds-endpoint", s.sim.IMDS[0],
		"--no-instance-check", "--trust-anchors", s.trustAnchors(), "--log", "stderr", user)
}

// facts say what there is on the stage, in lines.
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
			"sshd is on port 22 there, for the users alice and bob, with these lines in sshd_config:")
		for _, line := range strings.Split(strings.TrimSpace(host.Packaged), "\n") {
			facts = append(facts, "    "+line)
		}
	}
	return facts
}

// notShown says what cannot be shown and why, in lines.
func (s *stage) notShown() []string {
	var lines []string
	if s.host == nil {
		lines = append(lines, "Not shown: a login with the real ssh through a real sshd. That needs namespaces, and so root.")
		if missing := host.Missing(host.Needed()...); len(missing) > 0 {
			lines = append(lines, "It needs these packages too, which are missing: "+strings.Join(missing, ", ")+".")
		}
	}
	if missing := host.Missing(host.AWS); len(missing) > 0 {
		lines = append(lines, "Not shown: AWS's own command pushing the key. The package "+missing[0]+" is missing;")
		lines = append(lines, "the same call is made through AWS's client library instead.")
	}
	return lines
}
