package doctor

import (
	"context"
	"crypto/x509"
	"os"

	"eic/internal/instance"
	"eic/internal/lookup"
	"eic/internal/trust"
)

// Asking says what Observe looks at.
type Asking struct {
	// Source is the machine and its metadata service.
	Source lookup.Source
	// User is whose keys are asked for.
	User string
	// Domains are accepted besides trust.Domains.
	Domains []string
	// Anchors returns the trust anchors for the signer of a domain.
	Anchors func(domain string) (*x509.CertPool, error)
	// LogSockets are where a system log may listen.
	LogSockets []string
	// Addresses are URLs of the metadata service to try one by one.
	Addresses []string
	// Offline asks nobody but the machine.
	Offline bool
}

// Observation is what one user of the machine sees of it. It has no judgement
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
	// AnchorsError is why the trust anchors could not be had.
	AnchorsError string
	// LogSocket is the one that somebody listens on, or empty.
	LogSocket string
	// Service is what the metadata service answered.
	Service Service
}

// Observe looks at the machine as the user of this process. It takes no longer
// than the context.
func Observe(ctx context.Context, a Asking) Observation {
	o := Observation{UID: os.Getuid(), AnyMachine: a.Source.AnyMachine}
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
	if !a.Offline && (o.AnyMachine || o.IdentityError == "" && o.Identity.Platform != instance.None) {
		o.Service = askService(ctx, a)
		if o.Service.DomainKnown && o.Service.Domain.Text != trust.AmazonDomain {
			anchors(o.Service.Domain.Text)
		}
	}
	return o
}
