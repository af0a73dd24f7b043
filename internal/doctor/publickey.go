package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"eic/internal/sshd"
)

// publicKeyChecks are what sshd makes of any pushed key for a login of the user.
func publicKeyChecks() []check {
	return []check{
		{"public-keys", "PubkeyAuthentication", checkPublicKeys},
		{"methods", "AuthenticationMethods", checkMethods},
		{"key-types", "types of keys that sshd takes", checkKeyTypes},
		{"caller-env", "PermitUserEnvironment", checkCallerEnv},
	}
}

// withLogin checks something about what sshd does for a login of the user.
func (e *exam) withLogin(check func(sshd.Effective) Finding) Finding {
	if e.login.err != nil {
		return skipped("command", "sshd did not say")
	}
	return check(e.login.Effective)
}

func checkPublicKeys(_ context.Context, e *exam) Finding {
	return e.withLogin(func(l sshd.Effective) Finding {
		if value := l.Values["pubkeyauthentication"]; value == "no" {
			return broken("PubkeyAuthentication yes"+e.writtenAt("pubkeyauthentication"),
				"PubkeyAuthentication is %q for user %q, so no key is ever asked about", value, e.User)
		}
		return ok("on for user %q", e.User)
	})
}

// checkMethods looks for a list of methods that a key completes.
func checkMethods(_ context.Context, e *exam) Finding {
	return e.withLogin(func(l sshd.Effective) Finding {
		methods := l.Values["authenticationmethods"]
		lists := strings.Fields(methods)
		hasKey := func(list string) bool { return slices.Contains(strings.Split(list, ","), "publickey") }
		remedy := "add publickey to AuthenticationMethods" + e.writtenAt("authenticationmethods")
		switch {
		case len(lists) == 0 || methods == "any" || slices.Contains(lists, "publickey"):
			return ok("a key is enough for user %q", e.User)
		case slices.ContainsFunc(lists, hasKey):
			return warning(remedy, "AuthenticationMethods is %q for user %q, so a key alone is not enough", methods, e.User)
		}
		return broken(remedy, "AuthenticationMethods is %q for user %q, none of which takes a key", methods, e.User)
	})
}

// pushedKeyTypes are the keys that the API takes, with the names of the
// signatures that sshd may take them by.
func pushedKeyTypes() []pushedKeyType {
	return []pushedKeyType{
		{"RSA", "push an Ed25519 key: ssh-keygen -t ed25519", []string{"rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"}},
		{"Ed25519", "push an RSA key: ssh-keygen -t rsa -b 3072; the AWS console pushes Ed25519, as its browser client does", []string{"ssh-ed25519"}},
	}
}

type pushedKeyType struct {
	name, instead string
	signatures    []string
}

// shortestPushedRSA is the size in bits of RSA keys as ssh-keygen(1) makes them
// by default, and long enough for the API.
const shortestPushedRSA = 3072

func checkKeyTypes(_ context.Context, e *exam) Finding {
	return e.withLogin(func(l sshd.Effective) Finding {
		keyword := "pubkeyacceptedalgorithms"
		if l.Values[keyword] == "" {
			keyword = "pubkeyacceptedkeytypes" // its name before OpenSSH 8.5
		}
		accepted := sshd.Patterns(strings.Split(l.Values[keyword], ","))
		if l.Values[keyword] == "" {
			return notChecked("sshd -T", "sshd does not say which keys it takes")
		}
		var refused []pushedKeyType
		for _, t := range pushedKeyTypes() {
			if !accepted.MatchAny(t.signatures) {
				refused = append(refused, t)
			}
		}
		switch len(refused) {
		case 0:
			return e.checkRSASize(l)
		case 1:
			return warning(refused[0].instead, "sshd refuses %s keys, which its policy leaves out of PubkeyAcceptedAlgorithms", refused[0].name)
		}
		return broken("add rsa-sha2-512,ssh-ed25519 to PubkeyAcceptedAlgorithms"+e.writtenAt(keyword),
			"PubkeyAcceptedAlgorithms takes neither RSA nor Ed25519 keys, and no others can be pushed: %.200q", l.Values[keyword])
	})
}

func (e *exam) checkRSASize(l sshd.Effective) Finding {
	if bits, err := strconv.Atoi(l.Values["requiredrsasize"]); err == nil && bits > shortestPushedRSA {
		return warning(fmt.Sprintf("ssh-keygen -t rsa -b %d", bits), "RequiredRSASize is %d, and sshd refuses shorter RSA keys", bits)
	}
	return ok("RSA and Ed25519")
}

// callerVariables are those that --caller-env sets.
func callerVariables() []string { return []string{"EIC_CALLER", "EIC_REQUEST"} }

// checkCallerEnv looks whether sshd takes the variables that --caller-env puts in
// front of a key. If not, the login works without them.
func checkCallerEnv(_ context.Context, e *exam) Finding {
	if !e.command.policy().CallerEnvironment {
		return ok("not needed without --caller-env")
	}
	return e.withLogin(func(l sshd.Effective) Finding {
		value := l.Values["permituserenvironment"]
		patterns := sshd.Patterns(strings.Split(value, ","))
		for _, name := range callerVariables() {
			if value != "yes" && !patterns.MatchAny([]string{name}) {
				return warning("PermitUserEnvironment "+strings.Join(callerVariables(), ",")+e.writtenAt("permituserenvironment"),
					"PermitUserEnvironment is %q, so sshd drops the %s of --caller-env", value, name)
			}
		}
		return ok("%q", value)
	})
}
