package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"eic/internal/authorize"
	"eic/internal/confine"
	"eic/internal/lookup"
	"eic/internal/metadata"
	"eic/internal/othercommand"
	"eic/internal/trust"
	"eic/internal/trustedfile"
)

// maxAnchors bounds a file of trust anchors, in bytes. The store of a whole
// distribution has a quarter of it.
const maxAnchors = 1 << 20

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
	callers       []string
	keyOptions    string
	callerEnv     bool
	chain         string
	chained       othercommand.Command // what chain means
	budget        time.Duration
	config        string
	uid           int // whose files are believed besides root's
	anchorsText   []byte
	loadedAnchors *x509.CertPool
}

func (t *terms) register(flags flagSet) {
	flags.StringVar(&t.endpoint, "imds-endpoint", "", "ask the metadata service at this `URL`, http://ADDRESS[:PORT], instead of IMDS's IPv4 and then IPv6 address")
	flags.BoolVar(&t.anyMachine, "no-instance-check", false, "ask even if this machine is no EC2 instance (only with --imds-endpoint)")
	flags.StringVar(&t.anchors, "trust-anchors", lookup.AnchorsAuto, "what the signer must chain to (`auto|system|FILE`): the built-in Amazon roots for amazonaws.com and the system's store for other partitions, the system's store for all, or the PEM certificates in FILE")
	flags.StringArrayVar(&t.domains, "domain", nil, "accept a signer of the domain `NAME` besides AWS's own (repeatable)")
	flags.StringArrayVar(&t.denyUsers, "deny-user", nil, "refuse keys for the user `NAME`, which may end in * (repeatable)")
	flags.StringArrayVar(&t.allowUsers, "allow-user", nil, "refuse keys for any user but `NAME`, which may end in * (repeatable)")
	flags.StringArrayVar(&t.callers, "require-caller", nil, "refuse keys that any IAM principal but `ARN` pushed, in which * and ? are wildcards (repeatable)")
	flags.StringVar(&t.keyOptions, "key-options", "", "put `OPTIONS` of sshd(8) in front of each printed key")
	flags.BoolVar(&t.callerEnv, "caller-env", false, "set EIC_CALLER and EIC_REQUEST in the session (needs PermitUserEnvironment in sshd_config)")
	flags.StringVar(&t.chain, "chain", "", "run another AuthorizedKeysCommand as well, as '`COMMAND` %u', and print its keys after ours")
	flags.StringVar(&t.config, configFlag, "", "read more flags from `FILE`, one a line; it must be root's and writable by nobody else")
	flags.DurationVar(&t.budget, "budget", defaultBudget, "`TIME` that the whole answer may take, at most 1m")
}

// check reads the configuration file into flags, and refuses values that could
// only be mistakes.
func (t *terms) check(ctx context.Context, flags flagSet) error {
	if err := flags.readConfig(ctx, t.config, t.uid); err != nil {
		return fmt.Errorf("--config: %w", err)
	}
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
	for _, pattern := range slices.Concat(t.denyUsers, t.allowUsers) {
		if !authorize.ValidUserPattern(pattern) {
			return fmt.Errorf("--deny-user, --allow-user: %q can match no user that a key can be pushed for; expected a name, or a prefix and \"*\"", pattern)
		}
	}
	if t.keyOptions != "" {
		if err := authorize.CheckKeyOptions(t.keyOptions); err != nil {
			return fmt.Errorf("--key-options: %w", err)
		}
	}
	var err error
	if t.chained, err = parseChain(t.chain); err != nil {
		return fmt.Errorf("--chain: %w", err)
	}
	if t.budget <= 0 || t.budget > maxBudget {
		return fmt.Errorf("--budget: %s is not between 0 and %s", t.budget, maxBudget)
	}
	return nil
}

// inquiry returns the question for one user.
func (t *terms) inquiry(user, fingerprint string) (lookup.Source, lookup.Terms) {
	return lookup.Source{
			Root:       os.DirFS("/"),
			Metadata:   metadata.Options{Endpoint: t.endpoint},
			AnyMachine: t.anyMachine,
		}, lookup.Terms{
			User:        user,
			Fingerprint: fingerprint,
			Domains:     t.domains,
			Anchors:     t.anchorsFor,
			Policy: authorize.Policy{
				DenyUsers:         t.denyUsers,
				AllowUsers:        t.allowUsers,
				Callers:           t.callers,
				KeyOptions:        t.keyOptions,
				CallerEnvironment: t.callerEnv,
			},
		}
}

// deadline bounds an answer by the budget.
func (t *terms) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, t.budget, fmt.Errorf("the budget of %s is spent", t.budget))
}

// anchorsInFile reports whether --trust-anchors is the name of a file.
func (t *terms) anchorsInFile() bool {
	return t.anchors != lookup.AnchorsAuto && t.anchors != lookup.AnchorsSystem
}

// loadAnchors reads the file of trust anchors, if there is one.
func (t *terms) loadAnchors(ctx context.Context) error {
	if !t.anchorsInFile() {
		return nil
	}
	text, err := trustedfile.Read(ctx, t.anchors, t.uid, maxAnchors)
	if err != nil {
		return fmt.Errorf("reading the trust anchors: %w", err)
	}
	if t.loadedAnchors, err = trust.ParseAnchors(text); err != nil {
		return fmt.Errorf("reading the trust anchors %q: %w", t.anchors, err)
	}
	t.anchorsText = text
	return nil
}

// anchorsFor returns the trust anchors for the signer of a domain. The
// system's are read only when they are needed.
func (t *terms) anchorsFor(domain string) (*x509.CertPool, error) {
	if t.loadedAnchors != nil {
		return t.loadedAnchors, nil
	}
	return lookup.Anchors(t.anchors, domain)
}

// needs returns what an inquiry does once it has begun to ask.
func (t *terms) needs() confine.Needs {
	needs := confine.Needs{Port: metadata.DefaultPort}
	if t.loadedAnchors == nil {
		needs.ReadBelow, needs.Read = lookup.SystemStores(), lookup.SystemBundles()
	}
	if address, err := metadata.ParseEndpoint(t.endpoint); err == nil {
		needs.Port = address.Port()
	}
	return needs
}
