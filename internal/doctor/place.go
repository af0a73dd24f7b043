package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"eic/internal/instance"
	"eic/internal/trust"
)

// checkIdentity looks at the files that say which instance this is, with the
// eyes of the command's user.
func checkIdentity(_ context.Context, e *exam) Finding {
	o := e.seen
	who := fmt.Sprintf("uid %d", o.UID)
	switch {
	case e.seenErr != nil:
		return notChecked("see the command's arguments above", "%v", e.seenErr)
	case o.IdentityError != "":
		return broken("let everybody read it, as Linux does by default (mode 0444)", "as %s: %s", who, o.IdentityError)
	case o.Identity.Platform == instance.Nitro:
		return ok("Nitro, %s, as %s reads it", o.Identity.ID, who)
	case o.Identity.Platform == instance.Xen:
		return ok("Xen, as %s reads it; the metadata service says which instance", who)
	case o.AnyMachine:
		return ok("no EC2 instance, which --no-instance-check allows")
	case e.Offline:
		return notChecked("nothing, if this is an image that is being made", "this machine is no EC2 instance")
	}
	return broken("if it is an instance: see that /sys is mounted and shows the firmware's /sys/devices/virtual/dmi/id/board_asset_tag",
		"this machine is no EC2 instance, so nobody is ever asked for keys")
}

// checkInstanceID compares what the metadata service calls this instance with
// what the machine says of itself.
func checkInstanceID(_ context.Context, e *exam) Finding {
	return e.withToken(func(s Service) Finding {
		a, own := s.InstanceID, e.seen.Identity.ID
		switch {
		case a.Error != "":
			return noAnswer("instance-id", a)
		case !instance.ValidID(a.Text):
			return broken("look for what answers in place of the metadata service",
				"the metadata service calls it %.80q, expected \"i-\" and 8 to 32 hexadecimal digits", a.Text)
		case own != "" && own != a.Text:
			return broken("look for what answers in place of the metadata service",
				"the metadata service calls it %q, the machine itself %q", a.Text, own)
		}
		return ok("%s", a.Text)
	})
}

func noAnswer(what string, a Answer) Finding {
	return broken("try again; a proxy or filter in front of the metadata service has to let it through", "asking for %s: %s", what, a.Error)
}

func checkRegion(_ context.Context, e *exam) Finding {
	return e.withToken(func(s Service) Finding {
		a, what := s.Region, "placement/region"
		if a.NotFound {
			a, what = s.Zone, "placement/availability-zone"
		}
		region := s.region()
		switch {
		case a.Error != "":
			return noAnswer(what, a)
		case region == "":
			return broken("look for what answers in place of the metadata service", "%s is %.80q, which is none", what, a.Text)
		case s.Region.NotFound:
			return ok("%s, from the zone %s", region, a.Text)
		}
		return ok("%s", region)
	})
}

func checkDomain(_ context.Context, e *exam) Finding {
	return e.withToken(func(s Service) Finding {
		switch {
		case s.Domain.Error != "":
			return noAnswer("services/domain", s.Domain)
		case !s.DomainKnown:
			return broken("look for what answers in place of the metadata service; if the domain is right, run \"eic enable --domain NAME\"",
				"services/domain is %.80q, expected one of %s", s.Domain.Text, strings.Join(trust.Domains(), ", "))
		}
		return ok("%s", s.Domain.Text)
	})
}

// shortValidity is how near the end of the signer's staples is worth a warning:
// they are renewed long before.
const shortValidity = time.Hour

func checkSigner(_ context.Context, e *exam) Finding {
	return e.withToken(func(s Service) Finding {
		left := s.SignerUntil.Sub(e.Now)
		until := s.SignerUntil.UTC().Format(time.RFC3339)
		switch {
		case s.SignerError != "":
			return broken("see that the clock is right and the trust anchors are those of this partition; else somebody forges the metadata service's answers, or AWS serves a bad staple, which passes",
				"not to be trusted: %s", s.SignerError)
		case s.SignerUntil.IsZero():
			return notChecked("see region and domain above", "its name follows from region and domain")
		case left < shortValidity:
			return warning("see whether it is renewed; if it is not, no key will count from then on", "valid now, until %s, which is in %s", until, left.Round(time.Second))
		}
		return ok("valid now, until %s (%s)", until, left.Round(time.Minute))
	})
}

// Bounds of the clock's error. A key counts until a moment by AWS's clock, a
// minute after it was pushed: a clock that is ahead takes that off the minute,
// and one that is a minute ahead leaves nothing of it. One that is behind costs
// no login by itself, but keeps counting keys that have expired, and a day of
// it makes staples seem to come from the future.
const (
	keyLifetime   = time.Minute
	clockAccuracy = 5 * time.Second
)

func checkClock(_ context.Context, e *exam) Finding {
	return e.connected(func(s Service) Finding {
		if s.Clock == nil {
			return notChecked("compare date -u with another clock", "no answer of the metadata service had a date")
		}
		return judgeClock(*s.Clock)
	})
}

func judgeClock(c Clock) Finding {
	const remedy = "set the clock from the Amazon Time Sync Service, server 169.254.169.123 in chrony.conf"
	margin := c.Margin.Round(100 * time.Millisecond)
	off := max(c.Ahead, -c.Ahead).Round(100 * time.Millisecond)
	switch {
	case c.Ahead >= keyLifetime:
		return broken(remedy, "%s ahead of the metadata service's (±%s), so every key has expired when it comes", off, margin)
	case c.Ahead > clockAccuracy:
		return warning(remedy, "%s ahead of the metadata service's (±%s): keys last that much less than %s", off, margin, keyLifetime)
	case c.Ahead < -clockAccuracy:
		return warning(remedy, "%s behind the metadata service's (±%s): a key that has expired would count that much longer", off, margin)
	}
	return ok("that of the metadata service (±%s)", margin)
}

func checkAnchors(_ context.Context, e *exam) Finding {
	switch {
	case e.seenErr != nil:
		return notChecked("see the command's arguments above", "%v", e.seenErr)
	case e.seen.AnchorsError != "":
		return broken("see that the file is there, is PEM and may be read by the command's user, or leave --trust-anchors out",
			"as uid %d: %s", e.seen.UID, e.seen.AnchorsError)
	}
	return ok("read as uid %d", e.seen.UID)
}

func checkSystemLog(_ context.Context, e *exam) Finding {
	const remedy = "start systemd-journald or another system log: it alone says why a key was refused"
	switch {
	case e.seenErr != nil:
		return notChecked("see the command's arguments above", "%v", e.seenErr)
	case e.seen.LogSocket != "":
		return ok("listens on %s", e.seen.LogSocket)
	case e.Offline:
		return notChecked("nothing, if this is an image that is being made", "nobody listens on /dev/log")
	}
	return warning(remedy, "nobody listens on /dev/log")
}
