// Package lookup takes sshd's question, which keys may log in as this user,
// through every step to its answer.
//
// The steps are those of the other packages, in one direction: instance,
// metadata, activekeys, authorize, trust, authorize. Gathering the evidence
// needs the network; deciding on it is pure, so that evidence kept from one run
// can be decided on again in another.
package lookup

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"eic/internal/activekeys"
	"eic/internal/authorize"
	"eic/internal/instance"
	"eic/internal/trust"
)

// Evidence is everything that an answer rests on, as it came.
type Evidence struct {
	// Time is when the evidence was complete, and the time at which all of it
	// must be valid.
	Time time.Time
	// Identity is what the machine said of itself, and Instance the instance
	// id: from Identity on Nitro, from the metadata service elsewhere.
	Identity instance.Identity
	Instance string
	// ActiveKeys is the document, or nil if there is none for the user.
	ActiveKeys []byte
	// Region is the answer of placement/region. Where there is none it is nil
	// and Zone is the answer of placement/availability-zone.
	Region, Zone []byte
	// Domain is the answer of services/domain.
	Domain []byte
	// Signer is what the metadata service served about its signer.
	Signer trust.SignerEvidence
}

// Terms are what an answer depends on besides the evidence.
type Terms struct {
	// User and Fingerprint are sshd's %u and %f. Fingerprint may be empty.
	User, Fingerprint string
	// InstanceID is the only instance that this one may be, or empty. On Xen it is
	// all that ties an answer to the machine.
	InstanceID string
	// Partition is the only AWS partition that this instance may be in, one of
	// trust.Partitions, or empty for any.
	Partition string
	// Domains are accepted besides those of AWS's partitions.
	Domains []string
	// Anchors returns the trust anchors for the signer of a domain.
	Anchors func(domain string) (*x509.CertPool, error)
	// Policy is the administrator's own.
	Policy authorize.Policy
}

// AcceptedDomains are those of which a signer is accepted.
func (t Terms) AcceptedDomains() []string {
	if t.Partition != "" {
		return append([]string{trust.PartitionDomain(t.Partition)}, t.Domains...)
	}
	return append(trust.Domains(), t.Domains...)
}

// Result is what the evidence led to.
type Result struct {
	// Decisions has one for each block of the document, in its order.
	Decisions []authorize.Decision
	// Region, Domain and Signer are set once they were found good.
	Region, Domain string
	Signer         *trust.Signer
}

// ErrUntrusted marks an error that says why nothing that this metadata
// service serves is believed: its signer, or what it says of the place.
var ErrUntrusted = errors.New("not trusted")

// ErrUnknownDomain marks an ErrUntrusted that comes from a domain which is
// neither among trust.Domains nor among the Terms.
var ErrUnknownDomain = errors.New("which is no AWS partition's")

// Screen decides on the document as far as that goes without the signer.
func Screen(e Evidence, t Terms) Result {
	return Result{Decisions: authorize.Screen(activekeys.Parse(e.ActiveKeys), authorize.Criteria{
		User:        t.User,
		Fingerprint: t.Fingerprint,
		Instance:    e.Instance,
		Now:         e.Time,
		Policy:      t.Policy,
	})}
}

// Settle decides what Screen left undecided. An error means that none of it
// was decided: nothing may be printed. It wraps ErrUntrusted unless it is the
// trust anchors that could not be had.
func (v *Result) Settle(e Evidence, t Terms) error {
	if !authorize.AnyUndecided(v.Decisions) {
		return nil
	}
	region, domain, err := e.place(t)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	anchors, err := t.Anchors(domain)
	if err != nil {
		return err
	}
	signer, err := trust.Verify(e.Signer, region, domain, anchors, e.Time)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	v.Region, v.Domain, v.Signer = region, domain, signer
	authorize.Verify(v.Decisions, e.Instance, e.Time, signer)
	return nil
}

// place returns the region and the domain of the instance, if it is the one and
// where the terms have it.
func (e Evidence) place(t Terms) (region, domain string, err error) {
	switch {
	case !instance.ValidID(e.Instance):
		return "", "", fmt.Errorf("the metadata service calls this instance %.80q, expected \"i-\" and 8 to 32 hexadecimal digits", e.Instance)
	case t.InstanceID != "" && e.Instance != t.InstanceID:
		return "", "", fmt.Errorf("this instance is %q, expected %q as --instance-id has it", e.Instance, t.InstanceID)
	}
	if region, err = e.region(); err != nil {
		return "", "", err
	}
	domain = Line(e.Domain)
	switch {
	case slices.Contains(t.AcceptedDomains(), domain):
		return region, domain, nil
	case t.Partition != "":
		return "", "", fmt.Errorf("the metadata service gives its domain as %.80q, expected %q as --partition %s has it",
			domain, trust.PartitionDomain(t.Partition), t.Partition)
	}
	return "", "", fmt.Errorf("the metadata service gives its domain as %.80q, %w; if it is right, add it with --domain", domain, ErrUnknownDomain)
}

// region returns the region that the metadata service gave, or that its
// availability zone lies in.
func (e Evidence) region() (string, error) {
	if e.Region == nil {
		zone := Line(e.Zone)
		region, ok := trust.RegionOfZone(zone)
		if !ok {
			return "", fmt.Errorf("the metadata service gives its availability zone as %.80q, expected one like \"us-east-1a\"", zone)
		}
		return region, nil
	}
	region := Line(e.Region)
	if !trust.ValidRegion(region) {
		return "", fmt.Errorf("the metadata service gives its region as %.80q, expected one like \"us-east-1\"", region)
	}
	return region, nil
}

// Line returns an answer of one line without the newline that may end it.
func Line(answer []byte) string { return strings.TrimSuffix(string(answer), "\n") }
