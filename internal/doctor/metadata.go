package doctor

import (
	"context"
	"fmt"
	"strings"

	"eic/internal/instance"
	"eic/internal/metadata"
	"eic/internal/remedy"
)

// asked reports whether the metadata service was queried. If not, the Finding says why.
func (e *exam) asked() (Finding, bool) {
	switch {
	case e.seenErr != nil:
		return skipped("as-user", "%v", e.seenErr), false
	case !e.seen.AnyMachine && (e.seen.IdentityError != "" || e.seen.Identity.Platform == instance.None):
		return notChecked("run it on an EC2 instance", "the identity files do not show that this is an EC2 instance, so no request is sent"), false
	}
	return Finding{}, true
}

// connected makes a check that needs a connection.
func (e *exam) connected(check func(Service) Finding) Finding {
	if f, yes := e.asked(); !yes {
		return f
	}
	s := e.seen.Service
	if s.ConnectError != "" {
		if e.dialed {
			return skipped("metadata-as-user", "no connection")
		}
		return skipped("metadata", "no connection")
	}
	return check(s)
}

// withToken makes a check that needs a session token.
func (e *exam) withToken(check func(Service) Finding) Finding {
	return e.connected(func(s Service) Finding {
		if s.TokenError != "" {
			return skipped("metadata-v2", "no session token")
		}
		return check(s)
	})
}

// checkReach checks whether there is a metadata service at all, even if the command's
// user cannot reach it.
func checkReach(_ context.Context, e *exam) Finding {
	if f, yes := e.asked(); !yes {
		return f
	}
	if s := e.seen.Service; s.ConnectError != "" && !e.dialed {
		return broken(strings.Join(remedy.NoConnection().Commands, "; "),
			"no connection: %s", s.ConnectError)
	}
	return ok("accepts connections")
}

// checkReachAsUser checks whether the command's user can reach the metadata service.
func checkReachAsUser(_ context.Context, e *exam) Finding {
	if f, yes := e.asked(); !yes {
		return f
	}
	if e.asAccount != nil {
		return skipped("as-user", "requests were sent as uid %d only", e.seen.UID)
	}
	name, s := e.reader(), e.seen.Service
	switch {
	case e.dialed:
		return broken(fmt.Sprintf("iptables -I OUTPUT -d 169.254.169.254 -m owner --uid-owner %d -j ACCEPT", e.seen.UID),
			"accepts connections from root but not from user %q (uid %d): %s; something on this host blocks them, such as an owner rule of iptables (AWS ParallelCluster sets such rules)",
			name, e.seen.UID, s.ConnectError)
	case s.ConnectError != "" || s.TokenError != "":
		return skipped("metadata-v2", "the metadata service does not answer")
	case s.KeysError != "":
		return broken("try again; if the error remains, report it to AWS Support",
			"the keys of user %q could not be fetched: %s", e.User, s.KeysError)
	}
	return ok("answers user %q (uid %d) about the keys of user %q", name, e.seen.UID, e.User)
}

// checkHops looks for the symptom of a hop limit that is too low. The limit applies only
// to the answer to the token request, so the connection succeeds but that answer never
// arrives.
//
// Source: Amazon EC2 User Guide, "Use IMDSv2", PUT response hop limit.
func checkHops(_ context.Context, e *exam) Finding {
	return e.connected(func(s Service) Finding {
		switch {
		case s.TokenError == "":
			return ok("a token arrived")
		case s.TokenSilent:
			return broken(e.instance().RaiseHopLimit().Commands[0],
				"the connection succeeds, but the token request is never answered (%s): the answer exceeds its hop limit, as in a container or behind a router", s.TokenError)
		}
		return skipped("metadata-v2", "there was an answer, but no token")
	})
}

// instance returns this instance, as far as the machine knows.
func (e *exam) instance() remedy.Instance {
	if id := e.seen.Identity.ID; instance.ValidID(id) {
		return remedy.Instance{ID: id}
	}
	return remedy.Instance{}
}

func checkToken(_ context.Context, e *exam) Finding {
	return e.connected(func(s Service) Finding {
		switch {
		case s.TokenError == "":
			return ok("issues session tokens")
		case s.TokenSilent:
			return skipped("metadata-hops", "no answer")
		}
		return broken(e.instance().TurnOn().Commands[0],
			"issues no session token: %s; a proxy may be answering in its place", s.TokenError)
	})
}

// checkIPv6 is for information: instances need no IPv6 endpoint while the IPv4 one
// answers.
func checkIPv6(_ context.Context, e *exam) Finding {
	if f, yes := e.asked(); !yes {
		return f
	}
	a := e.seen.Service.Addresses
	if len(a) != 2 {
		return notChecked("remove --imds-endpoint if it is not needed", "--imds-endpoint sets the only address that is used")
	}
	v4, v6 := a[0], a[1]
	switch {
	case v6.Error != "" && v4.Error == "":
		return ok("%s does not answer and is not needed, since %s does", v6.URL, v4.URL)
	case v6.Error != "":
		return skipped("metadata", "neither %s nor %s answers", v4.URL, v6.URL)
	case v4.Took >= metadata.ConnectTimeout && v4.Error != "":
		return warning(fmt.Sprintf("write \"imds-endpoint %s\" into /etc/eic/eic.conf", v6.URL),
			"%s does not answer, so each login waits %s before it asks %s", v4.URL, metadata.ConnectTimeout, v6.URL)
	}
	return ok("%s answers", v6.URL)
}
