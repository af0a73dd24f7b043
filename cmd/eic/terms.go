package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"eic/internal/authorize"
	"eic/internal/inquiry"
	"eic/internal/metadata"
	"eic/internal/trust"
)

// Bounds of --budget.
const (
	defaultBudget = 5 * time.Second
	maxBudget     = time.Minute
)

// terms are the flags that say what is asked where and what is trusted, common
// to every command that judges keys.
type terms struct {
	endpoint      string
	anyMachine    bool
	anchors       string
	domains       []string
	denyUsers     []string
	allowUsers    []string
	budget        time.Duration
	loadedAnchors *x509.CertPool
}

func (t *terms) register(flags flagSet) {
	flags.StringVar(&t.endpoint, "imds-endpoint", "", "metadata service, as `URL` http://ADDRESS[:PORT] (default: IMDS's IPv4, then IPv6 address)")
	flags.BoolVar(&t.anyMachine, "no-instance-check", false, "ask even if this machine is no EC2 instance (only with --imds-endpoint)")
	flags.StringVar(&t.anchors, "trust-anchors", "auto", "what the signer must chain to: `auto|system|FILE`. auto: the built-in\nAmazon roots for amazonaws.com, the system's store for other partitions")
	flags.StringArrayVar(&t.domains, "domain", nil, "accept this domain of the signer besides AWS's own (`NAME`, repeatable)")
	flags.StringArrayVar(&t.denyUsers, "deny-user", nil, "refuse keys for this user (`NAME` or PREFIX*, repeatable)")
	flags.StringArrayVar(&t.allowUsers, "allow-user", nil, "refuse keys for every other user (`NAME` or PREFIX*, repeatable)")
	flags.DurationVar(&t.budget, "budget", defaultBudget, "`TIME` for the whole answer, at most 1m")
}

// check refuses values that could only be mistakes, and reads the files named.
func (t *terms) check() error {
	if t.endpoint != "" {
		if _, err := metadata.ParseEndpoint(t.endpoint); err != nil {
			return fmt.Errorf("--imds-endpoint: %w", err)
		}
	}
	if t.anyMachine && t.endpoint == "" {
		return errors.New("--no-instance-check is only for use with --imds-endpoint")
	}
	for _, domain := range t.domains {
		if !trust.ValidDomain(domain) {
			return fmt.Errorf("--domain: %q is not a domain name in lower case, such as amazonaws.com", domain)
		}
	}
	for _, pattern := range append(t.denyUsers, t.allowUsers...) {
		if !authorize.ValidUserPattern(pattern) {
			return fmt.Errorf("--deny-user, --allow-user: %q can match no user that a key can be pushed for; expected a name, or a prefix and \"*\"", pattern)
		}
	}
	if t.budget <= 0 || t.budget > maxBudget {
		return fmt.Errorf("--budget: %s is not between 0 and %s", t.budget, maxBudget)
	}
	return nil
}

// inquiry returns the question for one user.
func (t *terms) inquiry(user, fingerprint string) (inquiry.Source, inquiry.Terms) {
	return inquiry.Source{
			Root:       os.DirFS("/"),
			Metadata:   metadata.Options{Endpoint: t.endpoint},
			AnyMachine: t.anyMachine,
		}, inquiry.Terms{
			User:        user,
			Fingerprint: fingerprint,
			Domains:     t.domains,
			Anchors:     t.anchorsFor,
			Policy:      authorize.Policy{DenyUsers: t.denyUsers, AllowUsers: t.allowUsers},
		}
}

// loadAnchors reads the file of trust anchors, if there is one.
func (t *terms) loadAnchors() error {
	if t.anchors == "auto" || t.anchors == "system" {
		return nil
	}
	text, err := os.ReadFile(t.anchors)
	if err != nil {
		return fmt.Errorf("reading the trust anchors: %w", err)
	}
	if t.loadedAnchors, err = trust.ParseAnchors(text); err != nil {
		return fmt.Errorf("reading the trust anchors %q: %w", t.anchors, err)
	}
	return nil
}

// anchorsFor returns the trust anchors for the signer of a domain. The
// system's are read only when they are needed.
func (t *terms) anchorsFor(domain string) (*x509.CertPool, error) {
	switch {
	case t.loadedAnchors != nil:
		return t.loadedAnchors, nil
	case t.anchors == "auto" && domain == trust.AmazonDomain:
		return trust.AmazonAnchors(), nil
	default:
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("reading the system's trust anchors: %w", err)
		}
		return pool, nil
	}
}
