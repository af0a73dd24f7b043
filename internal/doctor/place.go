package doctor

import (
	"context"
	"fmt"
	"strings"

	"eic/internal/instance"
)

// checkIdentity checks the identity files as the command's user sees them.
func checkIdentity(_ context.Context, e *exam) Finding {
	o := e.seen
	who := fmt.Sprintf("uid %d", o.UID)
	switch {
	case e.seenErr != nil:
		return skipped("as-user", "%v", e.seenErr)
	case o.IdentityError != "":
		return broken("chmod it to mode 0444, the default of Linux, so that every user can read it", "as %s: %s", who, o.IdentityError)
	case o.Identity.Platform == instance.Nitro:
		return ok("Nitro, %s, as %s reads it", o.Identity.ID, who)
	case o.Identity.Platform == instance.Xen && o.Pinned:
		return ok("Xen, as %s reads it; the settings name the instance, or the accepted callers", who)
	case o.Identity.Platform == instance.Xen:
		return warning("echo instance-id INSTANCE_ID >> /etc/eic/eic.conf, or write require-caller ARN there",
			"Xen, where only the metadata service says which instance this is: an attacker who forges its answers can log in as anybody with a key pushed to an instance of their own")
	case o.AnyMachine:
		return ok("not an EC2 instance, which --no-instance-check allows")
	case e.Offline:
		return notChecked("nothing, if this is an image being built", "this machine is not an EC2 instance")
	}
	return broken("if it is an instance: check that /sys is mounted and has the firmware's /sys/devices/virtual/dmi/id/board_asset_tag",
		"this machine is not an EC2 instance, so eic never looks up keys")
}

// checkInstanceID compares the instance id from the metadata service with that from the
// identity files.
func checkInstanceID(_ context.Context, e *exam) Finding {
	return e.withToken(func(s Service) Finding {
		a, own := s.InstanceID, e.seen.Identity.ID
		switch {
		case a.Error != "":
			return noAnswer("instance-id", a)
		case !instance.ValidID(a.Text):
			return broken("find out what is impersonating the metadata service",
				"the metadata service reports %.80q, expected \"i-\" and 8 to 32 hexadecimal digits", a.Text)
		case own != "" && own != a.Text:
			return broken("find out what is impersonating the metadata service",
				"the metadata service reports %q, this machine's identity files %q", a.Text, own)
		}
		return ok("%s", a.Text)
	})
}

func noAnswer(what string, a Answer) Finding {
	return broken("try again; a proxy or filter in front of the metadata service must let this request pass", "asking for %s: %s", what, a.Error)
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
			return broken("find out what is impersonating the metadata service", "%s is %.80q, which gives no valid Region", what, a.Text)
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
			return broken("find out what is impersonating the metadata service; if the domain is right, write \"domain NAME\" into /etc/eic/eic.conf",
				"services/domain is %.80q, expected one of %s", s.Domain.Text, strings.Join(s.Accepted, ", "))
		case len(s.Accepted) > 1:
			return ok("%s; with \"partition NAME\" in /etc/eic/eic.conf, this host would accept no other partition's", s.Domain.Text)
		}
		return ok("%s", s.Domain.Text)
	})
}
