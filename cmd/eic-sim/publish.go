package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"eic/internal/sim"
)

// endpoints is the contents of endpoints.json.
type endpoints struct {
	IMDS   []string `json:"imds"`
	API    string   `json:"api"`
	Proxy  string   `json:"proxy"`
	Region string   `json:"region"`
}

// directory returns the absolute name of the directory for files, and a function to call
// at the end. It removes an existing endpoints.json, which would describe a simulator
// that no longer runs.
func directory(dir string) (string, func() error, error) {
	if dir == "" {
		dir, err := os.MkdirTemp("", "eic-sim-")
		if err != nil {
			return "", nil, fmt.Errorf("creating a directory: %w", err)
		}
		return dir, func() error { return os.RemoveAll(dir) }, nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", nil, fmt.Errorf("finding the directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, fmt.Errorf("creating the directory: %w", err)
	}
	return dir, func() error { return withdraw(dir) }, withdraw(dir)
}

// withdraw removes endpoints.json.
func withdraw(dir string) error {
	if err := os.Remove(endpointsFile(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the endpoints of an earlier run: %w", err)
	}
	return nil
}

func rootFile(dir string) string { return filepath.Join(dir, "root.pem") }

func tlsFile(dir string) string { return filepath.Join(dir, "tls.pem") }

func endpointsFile(dir string) string { return filepath.Join(dir, "endpoints.json") }

// publish writes root.pem and tls.pem, and then endpoints.json. A simulator whose
// endpoints.json exists is therefore ready.
func publish(s *sim.Sim, o sim.Options, dir string) error {
	if err := replace(rootFile(dir), s.Roots); err != nil {
		return err
	}
	if err := replace(tlsFile(dir), s.TLSRoot); err != nil {
		return err
	}
	text, err := json.Marshal(endpoints{s.IMDS, s.API, s.Proxy, o.Region})
	if err != nil {
		return fmt.Errorf("writing the endpoints: %w", err)
	}
	return replace(endpointsFile(dir), append(text, '\n'))
}

// replace writes a file atomically.
func replace(name string, content []byte) error {
	draft := name + ".new"
	if err := os.WriteFile(draft, content, 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(name), err)
	}
	if err := os.Rename(draft, name); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(name), err)
	}
	return nil
}

// announce prints the addresses and files.
func announce(s *sim.Sim, o sim.Options, dir string, stdout io.Writer) {
	for _, url := range s.IMDS {
		fmt.Fprintf(stdout, "imds=%s\n", url)
	}
	fmt.Fprintf(stdout, "api=%s\nproxy=%s\nroot=%s\ntls-root=%s\ninstance-id=%s\n", s.API, s.Proxy, rootFile(dir), tlsFile(dir), o.InstanceID)
	for _, fault := range o.Faults {
		fmt.Fprintf(stdout, "fault=%s\n", fault)
	}
}
