package settings

import (
	"context"
	"fmt"
	"os"
	"time"

	"eic/internal/confine"
	"eic/internal/lookup"
	"eic/internal/metadata"
)

// Source returns where answers come from on this machine.
func (s *Settings) Source() lookup.Source {
	return lookup.Source{
		Root:       os.DirFS("/"),
		Metadata:   metadata.Options{Endpoint: s.Endpoint},
		AnyMachine: s.AnyMachine,
	}
}

// Terms returns what the question for one user is decided under. fingerprint may
// be empty.
func (s *Settings) Terms(user, fingerprint string) lookup.Terms {
	return lookup.Terms{
		User:        user,
		Fingerprint: fingerprint,
		InstanceID:  s.InstanceID,
		Partition:   s.Partition,
		Domains:     s.Domains,
		Anchors:     s.Anchors,
		Policy:      s.Policy,
	}
}

// Deadline bounds an answer by the budget, counted from a time.
func (s *Settings) Deadline(ctx context.Context, from time.Time) (context.Context, context.CancelFunc) {
	return context.WithDeadlineCause(ctx, from.Add(s.Budget), fmt.Errorf("the budget of %s is spent", s.Budget))
}

// Needs returns what a process may still do once it has begun to ask. LoadAnchors
// must have been called.
func (s *Settings) Needs() confine.Needs {
	needs := confine.Needs{Port: metadata.DefaultPort}
	if s.anchors == nil {
		needs.ReadBelow, needs.Read = lookup.SystemStores(), lookup.SystemBundles()
	}
	if address, err := metadata.ParseEndpoint(s.Endpoint); err == nil {
		needs.Port = address.Port()
	}
	return needs
}
