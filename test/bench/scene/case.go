package scene

import (
	"fmt"
	"strings"

	"eic/test/bench/lap"
)

// Case is one question that is put to the programs, as sshd would put it.
type Case struct {
	Name string
	// User and Fingerprint are sshd's %u and %f; Fingerprint may be empty.
	User, Fingerprint string
	// Served is how many keys the document has, 0 if there is none, and Printed
	// how many of them eic must print.
	Served, Printed int
}

// Names of the cases.
const (
	Miss    = "miss"
	Hit     = "hit"
	Many    = "hit among 200 keys"
	All     = "200 keys printed"
	Refusal = "refusal"
)

// Keys in the documents of more than one. Of blocks like these, refusedKeys make
// about as long a document as eic reads, 1 MiB.
const (
	manyKeys    = 200
	refusedKeys = 1500
)

// Cases pushes the keys for the cases that are possible in the scene, and returns
// them: Refusal where they are Forged, and otherwise all others.
func (s *Scene) Cases() ([]Case, error) {
	if s.options.Fault == Forged {
		return s.hostile()
	}
	one, err := s.Push("alice", 1)
	if err != nil {
		return nil, err
	}
	last, err := s.Push("carol", manyKeys)
	if err != nil {
		return nil, err
	}
	return []Case{
		{Name: Miss, User: "bob", Fingerprint: one},
		{Name: Hit, User: "alice", Fingerprint: one, Served: 1, Printed: 1},
		{Name: Many, User: "carol", Fingerprint: last, Served: manyKeys, Printed: 1},
		{Name: All, User: "carol", Served: manyKeys, Printed: manyKeys},
	}, nil
}

// hostile pushes keys for somebody who wants to keep the machine busy: everything
// about the blocks is as it should be but their signatures, each of which has to be
// verified.
func (s *Scene) hostile() ([]Case, error) {
	_, err := s.Push("mallory", refusedKeys)
	return []Case{{Name: Refusal, User: "mallory", Served: refusedKeys}}, err
}

// Program is one that is measured.
type Program string

// The programs.
const (
	Eic        Program = "eic"
	Floor      Program = "eic-floor"
	Unconfined Program = "eic-unconfined" // eic without confinement
	Against    Program = "eic-against"    // another build of eic
)

// Command is the program's command line for a case: the one that the packages
// configure, and for a case with keys the trust anchors of the scene.
func (p Program) Command(c Case) []string {
	command := []string{"/usr/bin/" + string(p)}
	if p == Floor {
		return append(command, c.User)
	}
	command = append(command, "authorized-keys")
	if c.Served > 0 {
		command = append(command, "--trust-anchors", anchors)
	}
	command = append(command, c.User)
	if c.Fingerprint != "" {
		command = append(command, c.Fingerprint)
	}
	return command
}

// ForSSHD is the same for sshd_config(5), for a user with keys.
func (p Program) ForSSHD() string {
	return strings.Join(p.Command(Case{User: "%u", Fingerprint: "%f", Served: 1}), " ")
}

// Check returns an error if a run did not do what is measured in its case.
func (p Program) Check(c Case, run lap.Run) error {
	want := c.Printed
	if p == Floor {
		want = c.Served
	}
	if keys := strings.Count(run.Stdout, "\n"); run.Status != 0 || keys != want {
		return fmt.Errorf("%s, %s: exit status %d and %d keys, expected 0 and %d keys: %s",
			c.Name, p, run.Status, keys, want, run.Stderr)
	}
	return nil
}
