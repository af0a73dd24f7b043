// Package lookup answers sshd's question: which pushed keys may log in as this user.
//
// An answer takes these steps, one package each:
//
//  1. instance identifies the machine;
//  2. metadata fetches the evidence;
//  3. activekeys parses the active-keys document;
//  4. authorize screens its entries;
//  5. trust verifies the signer;
//  6. authorize verifies the signatures of the remaining entries.
//
// Fetching needs the network; see Ask. Deciding is pure; see Screen and Result.Verify.
// Evidence that was saved in one run can therefore be verified again in another.
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

// Evidence is everything that an answer depends on, unverified.
type Evidence struct {
	// Time is the time at which all the evidence must be valid: when the last of it was
	// fetched.
	Time time.Time
	// Identity is what the machine's identity files say. Instance is the instance id:
	// from Identity on Nitro, from the metadata service elsewhere.
	Identity instance.Identity
	Instance string
	// ActiveKeys is the active-keys document, or nil if nobody pushed a key for the user.
	ActiveKeys []byte
	// Region is the body of placement/region. If the metadata service does not have that
	// path, Region is nil and Zone is the body of placement/availability-zone.
	Region, Zone []byte
	// Domain is the body of services/domain.
	Domain []byte
	// Signer is what the metadata service served about its signer.
	Signer trust.SignerEvidence
}

// Options are what an answer depends on besides the evidence: sshd's arguments and the
// administrator's settings.
type Options struct {
	// User and Fingerprint are sshd's %u and %f. Fingerprint may be empty.
	User, Fingerprint string
	// InstanceID is the only instance id accepted, or empty. On Xen nothing else ties an
	// answer to this machine.
	InstanceID string
	// Partition is the only AWS partition accepted, one of trust.Partitions, or empty for
	// any.
	Partition string
	// Domains are accepted in addition to those of the AWS partitions.
	Domains []string
	// Anchors returns the trust anchors for the signer of a domain.
	Anchors func(domain string) (*x509.CertPool, error)
	// Policy holds the administrator's conditions for keys.
	Policy authorize.Policy
}

// AcceptedDomains returns the domains whose signers are accepted.
func (o Options) AcceptedDomains() []string {
	if o.Partition != "" {
		return append([]string{trust.PartitionDomain(o.Partition)}, o.Domains...)
	}
	return append(trust.Domains(), o.Domains...)
}

// Result is what the evidence amounts to.
type Result struct {
	// Decisions has one decision for each block of the document, in order.
	Decisions []authorize.Decision
	// Region, Domain and Signer are set after the signer was verified.
	Region, Domain string
	Signer         *trust.Signer
}

// ErrUntrusted is wrapped by an error that refuses everything that the metadata service
// serves, because of its signer, its instance id, its Region or its domain.
var ErrUntrusted = errors.New("not trusted")

// ErrUnknownDomain is wrapped, beside ErrUntrusted, if the domain belongs to no AWS
// partition and is not among Options.Domains.
var ErrUnknownDomain = errors.New("which belongs to no AWS partition")

// Screen decides as much about the document as is possible without the signer.
func Screen(e Evidence, o Options) Result {
	return Result{Decisions: authorize.Screen(activekeys.Parse(e.ActiveKeys), authorize.Criteria{
		User:        o.User,
		Fingerprint: o.Fingerprint,
		Instance:    e.Instance,
		Now:         e.Time,
		Policy:      o.Policy,
	})}
}

// Verify verifies the signer and decides what Screen left undecided. If it returns an
// error, no key may be printed. The error wraps ErrUntrusted, unless it comes from
// Options.Anchors.
func (v *Result) Verify(e Evidence, o Options) error {
	if !authorize.AnyUndecided(v.Decisions) {
		return nil
	}
	region, domain, err := e.verifyPlace(o)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	anchors, err := o.Anchors(domain)
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

// verifyPlace verifies the instance id, the Region and the domain that the metadata service
// reports, and returns the latter two.
func (e Evidence) verifyPlace(o Options) (region, domain string, err error) {
	switch {
	case !instance.ValidID(e.Instance):
		return "", "", fmt.Errorf("the metadata service reports the instance id %.80q, expected \"i-\" and 8 to 32 hexadecimal digits", e.Instance)
	case o.InstanceID != "" && e.Instance != o.InstanceID:
		return "", "", fmt.Errorf("this instance is %q, expected %q (--instance-id)", e.Instance, o.InstanceID)
	}
	if region, err = e.region(); err != nil {
		return "", "", err
	}
	domain = Line(e.Domain)
	switch {
	case slices.Contains(o.AcceptedDomains(), domain):
		return region, domain, nil
	case o.Partition != "":
		return "", "", fmt.Errorf("the metadata service reports the domain %.80q, expected %q (--partition %s)",
			domain, trust.PartitionDomain(o.Partition), o.Partition)
	}
	return "", "", fmt.Errorf("the metadata service reports the domain %.80q, %w; if the domain is correct, add it with --domain", domain, ErrUnknownDomain)
}

// region returns the Region that the metadata service reports, or the Region of its
// Availability Zone.
func (e Evidence) region() (string, error) {
	if e.Region == nil {
		zone := Line(e.Zone)
		region, ok := trust.RegionOfZone(zone)
		if !ok {
			return "", fmt.Errorf("the metadata service reports the Availability Zone %.80q, expected one like \"us-east-1a\"", zone)
		}
		return region, nil
	}
	region := Line(e.Region)
	if !trust.ValidRegion(region) {
		return "", fmt.Errorf("the metadata service reports the Region %.80q, expected one like \"us-east-1\"", region)
	}
	return region, nil
}

// Line returns a one-line answer without its final newline, if it has one.
func Line(answer []byte) string { return strings.TrimSuffix(string(answer), "\n") }
