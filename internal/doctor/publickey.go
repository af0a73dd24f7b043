package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"eic/internal/authorize"
	"eic/internal/sshd"
)

// publicKeyChecks returns the checks of what sshd does with any pushed key of the user.
func publicKeyChecks() []check {
	return []check{
		{"public-keys", "PubkeyAuthentication", checkPublicKeys},
		{"methods", "AuthenticationMethods", checkMethods},
		{"key-types", "key types that sshd accepts", checkKeyTypes},
		{"key-options", "key options that sshd supports", checkKeyOptions},
		{"caller-env", "PermitUserEnvironment", checkCallerEnv},
	}
}

// withLogin makes a check of what sshd does for a login of the user.
func (e *exam) withLogin(check func(sshd.Effective) Finding) Finding {
	if e.login.err != nil {
		return skipped("command", "sshd reported no settings")
	}
	return check(e.login.Effective)
}

func checkPublicKeys(_ context.Context, e *exam) Finding {
	return e.withLogin(func(l sshd.Effective) Finding {
		if value := l.Values["pubkeyauthentication"]; value == "no" {
			return broken("PubkeyAuthentication yes"+e.writtenAt("pubkeyauthentication"),
				"PubkeyAuthentication is %q for user %q, so sshd never looks up a key", value, e.User)
		}
		return ok("on for user %q", e.User)
	})
}

// checkMethods looks for a list of methods that a key alone satisfies.
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
		return broken(remedy, "AuthenticationMethods is %q for user %q, none of which has publickey", methods, e.User)
	})
}

// pushedKeyTypes returns the key types that the API accepts, with the signature
// algorithms that sshd may accept them with.
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

// shortestPushedRSA is the default size of ssh-keygen(1)'s RSA keys in bits, which the
// API accepts.
const shortestPushedRSA = 3072

// A KeyPolicy is what sshd requires of a key for a login of one user. The zero KeyPolicy
// is unknown.
type KeyPolicy struct {
	// accepted are the accepted signature algorithms.
	accepted sshd.Patterns
	// value is the reported list of these algorithms, and at where it is set.
	value, at string
	// leastRSA is the minimum size of an RSA key in bits, or 0.
	leastRSA int
}

// keyPolicy returns the policy in what sshd reports for a login of the user.
func (e *exam) keyPolicy(l sshd.Effective) KeyPolicy {
	names := []string{"pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes"} // the latter before OpenSSH 8.5
	p := KeyPolicy{value: cmp.Or(l.Values[names[0]], l.Values[names[1]]), at: e.writtenAt(names...)}
	if p.value != "" {
		p.accepted = strings.Split(p.value, ",")
	}
	bits := cmp.Or(l.Values["requiredrsasize"], l.Values["rsaminsize"]) // the latter on RHEL 9
	if n, err := strconv.Atoi(bits); err == nil {
		p.leastRSA = n
	}
	return p
}

// Refuses says why sshd refuses a key of the given type (as in authorized_keys) and, for
// an RSA key, size in bits. It returns false if sshd does not refuse the key or if the
// policy is unknown.
func (p KeyPolicy) Refuses(kind string, bits int) (Finding, bool) {
	t := pushedKeyType{name: kind, instead: "push a key of a type that sshd accepts", signatures: []string{kind}}
	for _, known := range pushedKeyTypes() {
		if slices.Contains(known.signatures, kind) {
			t = known
		}
	}
	switch {
	case p.accepted == nil:
		return Finding{}, false
	case !p.accepted.MatchAny(t.signatures):
		return broken(t.instead, "sshd refuses %s keys: PubkeyAcceptedAlgorithms does not list them%s", t.name, p.at), true
	case kind == "ssh-rsa" && bits < p.leastRSA:
		return broken(fmt.Sprintf("ssh-keygen -t rsa -b %d", p.leastRSA), "sshd refuses RSA keys of %d bits, because RequiredRSASize is %d", bits, p.leastRSA), true
	}
	return Finding{}, false
}

func checkKeyTypes(_ context.Context, e *exam) Finding {
	return e.withLogin(func(l sshd.Effective) Finding {
		p := e.keyPolicy(l)
		if p.accepted == nil {
			return notChecked("sshd -T", "sshd does not report which key types it accepts")
		}
		refusal, refused := Finding{}, 0
		for _, kind := range []string{"ssh-rsa", "ssh-ed25519"} {
			if f, no := p.Refuses(kind, max(shortestPushedRSA, p.leastRSA)); no {
				refusal, refused = f, refused+1
			}
		}
		switch {
		case refused == 1:
			return warning(refusal.Remedy, "%s", refusal.Found)
		case refused == 2:
			return broken("add rsa-sha2-512,ssh-ed25519 to PubkeyAcceptedAlgorithms"+p.at,
				"PubkeyAcceptedAlgorithms lists neither RSA nor Ed25519 keys, and no others can be pushed: %.200q", p.value)
		case p.leastRSA > shortestPushedRSA:
			return warning(fmt.Sprintf("ssh-keygen -t rsa -b %d", p.leastRSA), "RequiredRSASize is %d, and sshd refuses shorter RSA keys", p.leastRSA)
		}
		return ok("RSA and Ed25519")
	})
}

// checkKeyOptions checks whether sshd supports the options that are put before each key,
// from a flag or from a file of settings.
func checkKeyOptions(_ context.Context, e *exam) Finding {
	options := e.command.policy().KeyOptions
	switch name, since := e.survey.Version.UnknownKeyOption(authorize.KeyOptionNames(options)); {
	case options == "":
		return ok("none are set")
	case name != "":
		return broken("take "+name+" out of "+e.settingAt("key-options"),
			"sshd refuses every key: it does not support the key option %q, which came with OpenSSH %d.%d", name, since.Major, since.Minor)
	}
	return ok("%q", options)
}

// settingAt names a setting with its file and line, or with sshd's command.
func (e *exam) settingAt(flag string) string {
	for _, entry := range e.command.call.Entries {
		if entry.Flag == flag && !entry.Overridden {
			return fmt.Sprintf("%s (%s)", flag, sshd.Place(entry.File, entry.Line))
		}
	}
	return "--" + flag + setAt(e.login.Source)
}

// callerVariables returns the environment variables that --caller-env sets.
func callerVariables() []string { return []string{"EIC_CALLER", "EIC_REQUEST"} }

// checkCallerEnv checks whether sshd accepts the variables that --caller-env sets. If
// not, logins work without them.
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
