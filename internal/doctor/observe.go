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

// Asking says what Observe observes.
type Asking struct {
	// Source is the machine and its metadata service.
	Source lookup.Source
	// User is the user whose keys are requested.
	User string
	// Domains are the domains whose signers are accepted.
	Domains []string
	// Anchors returns the trust anchors for the signer of a domain.
	Anchors func(domain string) (*x509.CertPool, error)
	// LogSockets are the sockets where a system log may listen.
	LogSockets []string
	// Addresses are URLs of the metadata service to try one by one.
	Addresses []string
	// Pinned is set if the settings name the instance, or the callers whose keys are
	// accepted.
	Pinned bool
	// Offline observes the machine only.
	Offline bool
	// Chained is tried with the fingerprint of a key that does not exist.
	Chained othercommand.Command
	// BeforeNetwork is called after everything that needs more rights than network
	// requests.
	BeforeNetwork func() error
}

// Observation is what one user of the machine can see. It contains no verdict except the
// signer's. It can be passed as JSON from another process, so its errors are text:
// empty without an error.
type Observation struct {
	// UID is the user who observed.
	UID int
	// Identity is what the machine's identity files say. AnyMachine is set if that does
	// not matter.
	Identity      instance.Identity
	IdentityError string
	AnyMachine    bool
	// Pinned is set if the settings name the instance, or the callers whose keys are
	// accepted.
	Pinned bool
	// AnchorsError says why the trust anchors could not be read.
	AnchorsError string
	// ChainedError says why the chained command, if there is one, failed.
	ChainedError string
	// LogSocket is the socket that a system log listens on, or empty.
	LogSocket string
	// Service is what the metadata service answered.
	Service Service
}

// Observe observes the machine as the user of this process. It ends with the context. Its
// error is that of BeforeNetwork.
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
	anchors(trust.AmazonDomain) // before the network can use up the time
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
