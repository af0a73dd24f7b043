package settings

import (
	"context"
	"crypto/x509"
	"fmt"

	"eic/internal/lookup"
	"eic/internal/trust"
	"eic/internal/trustedfile"
)

// maxAnchors bounds a file of trust anchors, in bytes. The store of a whole
// distribution has a quarter of it.
const maxAnchors = 1 << 20

// anchorsInFile reports whether TrustAnchors is the name of a file.
func (s *Settings) anchorsInFile() bool {
	return s.TrustAnchors != lookup.AnchorsAuto && s.TrustAnchors != lookup.AnchorsSystem
}

// LoadAnchors reads the file of trust anchors, if there is one. It must be root's,
// or uid's, as trustedfile.Read has it.
func (s *Settings) LoadAnchors(ctx context.Context, uid int) error {
	if !s.anchorsInFile() {
		return nil
	}
	text, err := trustedfile.Read(ctx, s.TrustAnchors, uid, maxAnchors)
	if err != nil {
		return fmt.Errorf("reading the trust anchors: %w", err)
	}
	if s.anchors, err = trust.ParseAnchors(text); err != nil {
		return fmt.Errorf("reading the trust anchors %q: %w", s.TrustAnchors, err)
	}
	s.anchorsText = text
	return nil
}

// AnchorsText returns the file of trust anchors as LoadAnchors read it, or nil.
func (s *Settings) AnchorsText() []byte { return s.anchorsText }

// Anchors returns the trust anchors for the signer of a domain. LoadAnchors must
// have been called. The system's are read only when they are needed.
func (s *Settings) Anchors(domain string) (*x509.CertPool, error) {
	switch {
	case s.anchors != nil:
		return s.anchors, nil
	case s.anchorsInFile():
		return nil, fmt.Errorf("the trust anchors in %q were not read", s.TrustAnchors)
	}
	return lookup.Anchors(s.TrustAnchors, domain)
}
