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

// Source returns where evidence comes from on this machine.
func (s *Settings) Source() lookup.Source {
	return lookup.Source{
		Root:       os.DirFS("/"),
		Metadata:   metadata.Options{Endpoint: s.Endpoint},
		AnyMachine: s.AnyMachine,
	}
}

// LookupOptions returns the options of a lookup for one user. fingerprint may be empty.
func (s *Settings) LookupOptions(user, fingerprint string) lookup.Options {
	return lookup.Options{
		User:        user,
		Fingerprint: fingerprint,
		InstanceID:  s.InstanceID,
		Partition:   s.Partition,
		Domains:     s.Domains,
		Anchors:     s.Anchors,
		Policy:      s.Policy,
	}
}

// Deadline returns a context that ends when the budget, counted from a time, is spent.
func (s *Settings) Deadline(ctx context.Context, from time.Time) (context.Context, context.CancelFunc) {
	return context.WithDeadlineCause(ctx, from.Add(s.Budget), fmt.Errorf("the budget of %s is spent", s.Budget))
}

// Needs returns what the process may still do during a lookup. Call LoadAnchors first.
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
