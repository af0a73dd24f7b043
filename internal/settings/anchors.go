package settings

import (
	"context"
	"crypto/x509"
	"fmt"

	"eic/internal/lookup"
	"eic/internal/trust"
	"eic/internal/trustedfile"
)

// maxAnchors bounds a file of trust anchors, in bytes. It is four times the size of a
// whole distribution's store.
const maxAnchors = 1 << 20

// anchorsInFile reports whether TrustAnchors is the name of a file.
func (s *Settings) anchorsInFile() bool {
	return s.TrustAnchors != lookup.AnchorsAuto && s.TrustAnchors != lookup.AnchorsSystem
}

// LoadAnchors reads the file of trust anchors, if TrustAnchors names one. Only root or
// uid may be able to write it: see trustedfile.Read.
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

// AnchorsText returns the file of trust anchors that LoadAnchors read, or nil.
func (s *Settings) AnchorsText() []byte { return s.anchorsText }

// Anchors returns the trust anchors for the signer of a domain. Call LoadAnchors first.
// The system's anchors are read only when they are needed.
func (s *Settings) Anchors(domain string) (*x509.CertPool, error) {
	switch {
	case s.anchors != nil:
		return s.anchors, nil
	case s.anchorsInFile():
		return nil, fmt.Errorf("the trust anchors in %q have not been read", s.TrustAnchors)
	}
	return lookup.Anchors(s.TrustAnchors, domain)
}
