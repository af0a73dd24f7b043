package doctor

import (
	"context"
	"crypto/x509"
	"os"

	"eic/internal/instance"
	"eic/internal/lookup"
	"eic/internal/othercommand"
	"eic/internal/trust"
)

// Asking says what Observe looks at.
type Asking struct {
	// Source is the machine and its metadata service.
	Source lookup.Source
	// User is whose keys are asked for.
	User string
	// Domains are those of which a signer is accepted.
	Domains []string
	// Anchors returns the trust anchors for the signer of a domain.
	Anchors func(domain string) (*x509.CertPool, error)
	// LogSockets are where a system log may listen.
	LogSockets []string
	// Addresses are URLs of the metadata service to try one by one.
	Addresses []string
	// Pinned is set if the settings say which instance this is, or whose keys
	// count.
	Pinned bool
	// Offline asks nobody but the machine.
	Offline bool
	// Chained is tried with a key that nobody has.
	Chained othercommand.Command
	// BeforeNetwork is called once all that takes more rights than asking is
	// done.
	BeforeNetwork func() error
}

// Observation is what one user of the machine sees of it. It has no verdict
// but that of the signer, and it survives a passage through JSON, so that
// another process can make it. Errors are text, and empty where there is none.
type Observation struct {
	// UID is the user who saw it.
	UID int
	// Identity is what the machine says of itself. AnyMachine is set if that
	// was not to matter.
	Identity      instance.Identity
	IdentityError string
	AnyMachine    bool
	// Pinned is set if the settings say which instance this is, or whose keys
	// count.
	Pinned bool
	// AnchorsError is why the trust anchors could not be had.
	AnchorsError string
	// ChainedError is why the chained command, if there is one, gave no answer.
	ChainedError string
	// LogSocket is the one that somebody listens on, or empty.
	LogSocket string
	// Service is what the metadata service answered.
	Service Service
}

// Observe looks at the machine as the user of this process. It takes no longer
// than the context. Its error is that of BeforeNetwork.
func Observe(ctx context.Context, a Asking) (Observation, error) {
	o := Observation{UID: os.Getuid(), AnyMachine: a.Source.AnyMachine, Pinned: a.Pinned}
	var err error
	if o.Identity, err = instance.Identify(a.Source.Root); err != nil {
		o.IdentityError = err.Error()
	}
	o.LogSocket = listening(a.LogSockets)
	anchors := func(domain string) {
		if _, err := a.Anchors(domain); err != nil {
			o.AnchorsError = err.Error()
		}
	}
	anchors(trust.AmazonDomain) // before the network can spend the time for it
	if a.Offline {
		a.Chained = othercommand.Command{} // what it needs may not run yet
	}
	chained := a.Chained.Start(ctx, othercommand.Question{User: a.User, Fingerprint: NobodysFingerprint, Environ: os.Environ()})
	if err := a.BeforeNetwork(); err != nil {
		return Observation{}, err
	}
	if !a.Offline && (o.AnyMachine || o.IdentityError == "" && o.Identity.Platform != instance.None) {
		o.Service = askService(ctx, a)
		if o.Service.DomainKnown && o.Service.Domain.Text != trust.AmazonDomain {
			anchors(o.Service.Domain.Text)
		}
	}
	if _, err := chained.Keys(); err != nil {
		o.ChainedError = err.Error()
	}
	return o, nil
}
