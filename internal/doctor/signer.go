package doctor

import (
	"context"
	"time"

	"eic/internal/trust"
)

// shortValidity is the remaining validity below which the signer's staples get a warning.
// AWS renews them long before.
const shortValidity = time.Hour

func checkSigner(_ context.Context, e *exam) Finding {
	return e.withToken(func(s Service) Finding {
		left := s.SignerUntil.Sub(e.Now)
		until := s.SignerUntil.UTC().Format(time.RFC3339)
		switch {
		case e.seen.AnchorsError != "":
			return skipped("trust-anchors", "there are no trust anchors")
		case s.SignerError != "":
			return broken("check that the clock is right and that the trust anchors are those of this partition; otherwise something is forging the metadata service's answers, or AWS temporarily serves a bad staple",
				"not trusted: %s", s.SignerError)
		case s.SignerUntil.IsZero():
			return skipped("region", "the signer's name depends on region and domain")
		case left < shortValidity:
			return warning("check again later: if AWS does not renew it, no key is accepted after that time", "valid now, until %s, which is in %s", until, left.Round(time.Second))
		}
		return ok("valid now, until %s (%s)", until, left.Round(time.Minute))
	})
}

// verify returns the time until which the signer is trustworthy.
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
		return broken("check that the file exists, is PEM and can be read by the command's user, or remove --trust-anchors",
			"as uid %d: %s", e.seen.UID, e.seen.AnchorsError)
	}
	return ok("read as uid %d", e.seen.UID)
}
