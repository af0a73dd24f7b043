package doctor

import (
	"context"
	"time"

	"eic/internal/trust"
)

// shortValidity is how near the end of the signer's staples is worth a warning:
// they are renewed long before.
const shortValidity = time.Hour

func checkSigner(_ context.Context, e *exam) Finding {
	return e.withToken(func(s Service) Finding {
		left := s.SignerUntil.Sub(e.Now)
		until := s.SignerUntil.UTC().Format(time.RFC3339)
		switch {
		case e.seen.AnchorsError != "":
			return skipped("trust-anchors", "there are no trust anchors")
		case s.SignerError != "":
			return broken("see that the clock is right and the trust anchors are those of this partition; else somebody forges the metadata service's answers, or AWS serves a bad staple, which passes",
				"not to be trusted: %s", s.SignerError)
		case s.SignerUntil.IsZero():
			return skipped("region", "its name follows from region and domain")
		case left < shortValidity:
			return warning("see whether it is renewed; if it is not, no key will count from then on", "valid now, until %s, which is in %s", until, left.Round(time.Second))
		}
		return ok("valid now, until %s (%s)", until, left.Round(time.Minute))
	})
}

// verify returns how long the signer is to be trusted.
func verify(evidence trust.SignerEvidence, region, domain string, a Asking) (time.Time, error) {
	anchors, err := a.Anchors(domain)
	if err != nil {
		return time.Time{}, err
	}
	signer, err := trust.Verify(evidence, region, domain, anchors, time.Now())
	if err != nil {
		return time.Time{}, err
	}
	return signer.ValidUntil(), nil
}

func checkAnchors(_ context.Context, e *exam) Finding {
	switch {
	case e.seenErr != nil:
		return skipped("as-user", "%v", e.seenErr)
	case e.seen.AnchorsError != "":
		return broken("see that the file is there, is PEM and may be read by the command's user, or leave --trust-anchors out",
			"as uid %d: %s", e.seen.UID, e.seen.AnchorsError)
	}
	return ok("read as uid %d", e.seen.UID)
}
