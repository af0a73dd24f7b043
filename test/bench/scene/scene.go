// Package scene is where programs are measured: a host of package host with the
// simulated metadata service on IMDS's own address, eic and the floor installed, and
// a user for each case.
package scene

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/test/bench/trips"
	"eic/test/host"
)

// Options say what is the same for all cases of a scene.
type Options struct {
	// Delay passes before each answer of the metadata service.
	Delay time.Duration
	// Fault is what is wrong with the simulated world, out of sim.Faults, or
	// empty.
	Fault string
	// Platform is what the host looks like.
	Platform host.Platform
	// Count keeps a request log, for Cost.
	Count bool
	// Keys are the PKI's key pairs. Scenes that share them start faster.
	Keys *ca.Keys
	// Users can log in.
	Users []string
}

// Forged is the fault that every key is signed by somebody who is not the signer.
const Forged = "keys=wrong-signer"

// Scene is an open scene. It is not for use by several goroutines.
type Scene struct {
	*host.Host
	// ServiceID is the number of the user, and of the group, that sshd runs eic as.
	ServiceID uint32

	options Options
	log     *trips.Log
}

// lifetime of the pushed keys: none expires while anything is measured.
const lifetime = 12 * time.Hour

// Open starts a host with the programs that Build has built. It must be called inside
// of host.Run; the caller closes it.
func Open(options Options) (*Scene, error) {
	s := &Scene{options: options, log: new(trips.Log)}
	simulator := sim.Options{Delay: options.Delay, Keys: options.Keys, TTL: lifetime}
	if options.Count {
		simulator.RequestLog = s.log
	}
	if options.Fault != "" {
		simulator.Faults = []string{options.Fault}
	}
	var err error
	if s.Host, err = host.Start(host.Options{Platform: options.Platform, Users: options.Users, Sim: simulator}); err != nil {
		return nil, err
	}
	if err := reusePorts(); err != nil {
		_ = s.Close() // the other error is the one to tell
		return nil, err
	}
	if err := s.prepare(); err != nil {
		_ = s.Close() // the other error is the one to tell
		return nil, err
	}
	return s, nil
}

// reusePorts lets the host take the port of a connection that was closed less than a
// minute ago for another one (tcp_tw_reuse, tcp(7)). No host answers as many logins in a
// minute as are measured here, and there would be no port left.
func reusePorts() error {
	return os.WriteFile("/proc/sys/net/ipv4/tcp_tw_reuse", []byte("1"), 0o644)
}

// findServiceID looks the user up that Install has added.
func (s *Scene) findServiceID() error {
	service, err := user.Lookup(host.ServiceUser)
	if err != nil {
		return err
	}
	id, err := strconv.ParseUint(service.Uid, 10, 32)
	s.ServiceID = uint32(id)
	return err
}

// anchors is the file of trust anchors that a hit is judged by.
const anchors = "/run/eic-test/anchors.pem"

// prepare installs the programs and writes the trust anchors: the simulator's two
// roots, and with them enough others to make up the five that are built into eic. A
// hit would otherwise be spared some of the parsing that it has to do on an instance.
func (s *Scene) prepare() error {
	if err := s.Install(); err != nil {
		return err
	}
	if err := s.findServiceID(); err != nil {
		return err
	}
	if err := s.installPrograms(); err != nil {
		return err
	}
	others, err := os.ReadFile(filepath.Join(host.Prepared(), rootsFile))
	if err != nil {
		return fmt.Errorf("adding roots: %w", err)
	}
	return s.WriteFile(anchors, append(others, s.Sim.Roots...))
}

// installPrograms installs all programs in an order that is drawn anew, eic once more
// among them: the first file to be written comes to lie in worse memory than the others.
func (s *Scene) installPrograms() error {
	names := append(installed(), string(Eic))
	rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(host.Prepared(), name))
		if err != nil {
			return fmt.Errorf("installing %s: %w", name, err)
		}
		path := s.Path("/usr/bin/" + name)
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// logTimeout is how long the request log may lag behind a run that has ended.
const logTimeout = 10 * time.Second

// Cost is what one run cost on the wire: all that was asked since the
// start or the last Cost. The scene must have been opened with Count.
func (s *Scene) Cost() (trips.Cost, error) {
	// A request is counted when it comes in and logged once it is answered.
	for end := time.Now().Add(logTimeout); s.log.Len() < s.Sim.Stats().Total(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return trips.Cost{}, fmt.Errorf("%d of %d requests were logged", s.log.Len(), s.Sim.Stats().Total())
		}
	}
	s.Sim.ResetStats()
	return s.log.Take(s.options.Delay)
}

// ConfigureMatching configures sshd with blocks that begin with Match, which must
// stand behind everything else.
func (s *Scene) ConfigureMatching(blocks string) error {
	if err := s.Configure(""); err != nil {
		return err
	}
	const file = "/etc/ssh/sshd_config"
	config, err := os.ReadFile(s.Path(file))
	if err != nil {
		return err
	}
	return s.WriteFile(file, append(config, blocks...))
}
