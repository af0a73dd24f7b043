package doctor

import (
	"context"
	"fmt"

	"eic/internal/authorize"
)

// checkUserPolicy warns if this host's settings refuse every key for the user, whoever
// pushes it.
func checkUserPolicy(_ context.Context, e *exam) Finding {
	if !e.command.ours || e.command.err != nil {
		return skipped("arguments", "the settings of sshd's command are not known")
	}
	p := e.command.call.Policy
	p.Callers, p.CallerEnvironment = nil, false
	var rules []authorize.Rule
	for _, rule := range p.Rules {
		rules = append(rules, authorize.Rule{User: rule.User, Caller: "*"})
	}
	p.Rules = rules
	ruling := p.Test(e.User, "arn:")
	switch {
	case ruling.Detail == nil:
		return ok("accepts keys for user %q", e.User)
	case ruling.Reason == authorize.RuleDenied:
		return warning(fmt.Sprintf(`write "allow %s from ARN" beside the other rules`, e.User),
			"no rule allows user %q, whoever pushes the key; the rules are %q", e.User, e.command.call.Policy.Rules)
	case len(ruling.By) != 0:
		return warning(fmt.Sprintf("remove %s %s; the check settings says where it is set", ruling.By[0].Flag, ruling.By[0].Value),
			"%v, so every key for user %q is refused", ruling.Detail, e.User)
	}
	return warning("write allow-user "+e.User+" beside the others", "%v, so every key for user %q is refused", ruling.Detail, e.User)
}
