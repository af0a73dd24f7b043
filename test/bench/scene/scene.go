// Package scene provides the environment for measurements: a host of package host with the
// simulated metadata service on IMDS's own address, and with eic and the floor installed.
package scene

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/test/bench/trips"
	"eic/test/host"
)

const floorBinary = "/usr/bin/eic-floor"

// Forged is the fault that every key is signed with another key than the signer's.
const Forged = "keys=wrong-signer"

// Options are the same for all runs in a scene.
type Options struct {
	Delay    time.Duration // delay of each answer of the metadata service
	Fault    string        // a fault of sim.Faults, or empty
	Platform host.Platform // the platform that the host's /sys shows
	Count    bool          // keeps a request log, for Cost
	Keys     *ca.Keys      // the PKI's key pairs; scenes that share them start faster
	Users    []string      // users who can log in
}

// Scene is an open scene. It is not safe for concurrent use.
type Scene struct {
	*host.Host
	delay time.Duration
	log   *trips.Log
}

// Build builds both programs into a directory, for host.Run.
func Build(ctx context.Context, dir string) error {
	if err := host.Build(ctx, dir); err != nil {
		return err
	}
	return host.BuildRelease(ctx, filepath.Join(dir, "eic-floor"), "eic/test/bench/floor")
}

// Open starts a host with the programs that Build has built. It must be called inside host.Run.
// The caller must close the scene.
func Open(options Options) (*Scene, error) {
	s := &Scene{delay: options.Delay, log: new(trips.Log)}
	simulator := sim.Options{Delay: options.Delay, Keys: options.Keys, TTL: 12 * time.Hour} // so that no key expires
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
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// anchors are the simulator's two roots and three others. eic has as many built in, so a run
// parses as much as on an instance.
const anchors = "/run/eic-test/anchors.pem"

func (s *Scene) prepare() error {
	// The measurements need more connections than there are ports, so a port is used again
	// within a minute (tcp_tw_reuse, tcp(7)).
	if err := os.WriteFile("/proc/sys/net/ipv4/tcp_tw_reuse", []byte("1"), 0o644); err != nil {
		return err
	}
	if err := s.Install(); err != nil {
		return err
	}
	floor, err := os.ReadFile(filepath.Join(host.Prepared(), "eic-floor"))
	if err := errors.Join(err, os.WriteFile(s.Path(floorBinary), floor, 0o755)); err != nil {
		return err
	}
	roots := s.Sim.Roots
	for _, number := range []string{"2", "3", "4"} {
		text, err := os.ReadFile(s.Path("/etc/ssl/certs/Amazon_Root_CA_" + number + ".pem"))
		if err != nil {
			return fmt.Errorf("reading roots (package ca-certificates): %w", err)
		}
		roots = append(roots, text...)
	}
	return s.WriteFile(anchors, roots)
}

// Eic returns the command line that sshd would run for a user and a fingerprint, which may be
// empty.
func Eic(user, fingerprint string) []string {
	command := []string{host.Binary, "authorized-keys", "--trust-anchors=" + anchors, user}
	if fingerprint != "" {
		command = append(command, fingerprint)
	}
	return command
}

// Floor returns the command line of the floor for a user.
func Floor(user string) []string { return []string{floorBinary, user} }

// Push pushes new keys for a user and returns the fingerprint of the last one.
func (s *Scene) Push(user string, keys int) (fingerprint string, err error) {
	for range keys {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return "", err
		}
		key, err := ssh.NewPublicKey(public)
		if err != nil {
			return "", err
		}
		if _, err := s.Sim.Push(user, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))); err != nil {
			return "", err
		}
		fingerprint = ssh.FingerprintSHA256(key)
	}
	return fingerprint, nil
}

// Cost returns the cost of one run on the wire: of all requests since the start or the last call
// of Cost. The scene must have been opened with Count.
func (s *Scene) Cost() (trips.Cost, error) {
	// A request is counted when it arrives, and logged after its answer.
	for end := time.Now().Add(10 * time.Second); s.log.Len() < s.Sim.Stats().Total(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return trips.Cost{}, fmt.Errorf("%d of %d requests were logged", s.log.Len(), s.Sim.Stats().Total())
		}
	}
	s.Sim.ResetStats()
	return s.log.Take(s.delay), nil
}

// ConfigureMatching configures sshd with Match blocks after everything else.
func (s *Scene) ConfigureMatching(blocks string) error {
	const file = "/etc/ssh/sshd_config"
	err := s.Configure("")
	config, readErr := os.ReadFile(s.Path(file))
	return errors.Join(err, readErr, s.WriteFile(file, append(config, blocks...)))
}
