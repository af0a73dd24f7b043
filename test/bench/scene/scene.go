// Package scene is where programs are measured: a host of package host with the
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

// Forged is the fault that somebody who is not the signer has signed every key.
const Forged = "keys=wrong-signer"

// Options say what is the same for all runs in a scene.
type Options struct {
	Delay    time.Duration // before each answer of the metadata service
	Fault    string        // what is wrong with the simulated world, out of sim.Faults, or empty
	Platform host.Platform // what the host looks like
	Count    bool          // keeps a request log, for Cost
	Keys     *ca.Keys      // the PKI's key pairs; scenes that share them start faster
	Users    []string      // they can log in
}

// Scene is an open scene. It is not for use by several goroutines.
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

// Open starts a host with the programs that Build has built. It must be called inside
// of host.Run; the caller closes it.
func Open(options Options) (*Scene, error) {
	s := &Scene{delay: options.Delay, log: new(trips.Log)}
	simulator := sim.Options{Delay: options.Delay, Keys: options.Keys, TTL: 12 * time.Hour} // no key expires meanwhile
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

// anchors are the simulator's two roots and three others: as many as are built into eic,
// so that a hit parses as much as it does on an instance.
const anchors = "/run/eic-test/anchors.pem"

func (s *Scene) prepare() error {
	// A port is used again within a minute (tcp_tw_reuse, tcp(7)): more runs are
	// measured here than there are ports.
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

// Eic is the command line that sshd would run for a user and a fingerprint, which may
// be empty.
func Eic(user, fingerprint string) []string {
	command := []string{host.Binary, "authorized-keys", "--trust-anchors=" + anchors, user}
	if fingerprint != "" {
		command = append(command, fingerprint)
	}
	return command
}

// Floor is the same for the program that only makes the same requests as eic.
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

// Cost is what one run cost on the wire: all that was asked since the start or the last
// Cost. The scene must have been opened with Count.
func (s *Scene) Cost() (trips.Cost, error) {
	// A request is counted when it comes in and logged once it is answered.
	for end := time.Now().Add(10 * time.Second); s.log.Len() < s.Sim.Stats().Total(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return trips.Cost{}, fmt.Errorf("%d of %d requests were logged", s.log.Len(), s.Sim.Stats().Total())
		}
	}
	s.Sim.ResetStats()
	return s.log.Take(s.delay), nil
}

// ConfigureMatching configures sshd with blocks that begin with Match, which must
// stand behind everything else.
func (s *Scene) ConfigureMatching(blocks string) error {
	const file = "/etc/ssh/sshd_config"
	err := s.Configure("")
	config, readErr := os.ReadFile(s.Path(file))
	return errors.Join(err, readErr, s.WriteFile(file, append(config, blocks...)))
}
