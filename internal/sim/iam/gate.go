package iam

import (
	"fmt"
	"maps"
	"net/http"
	"time"

	"eic/internal/sim/cloudtrail"
	"eic/internal/sim/sigv4"
)

// Service is the name that both APIs of EC2 Instance Connect are signed for.
const Service = "ec2-instance-connect"

// Principal is an IAM principal and the secret access key that it signs with.
type Principal struct {
	Secret, ARN string
}

// Gate stands before every call: it says who calls, and whether they may.
type Gate struct {
	// Principals are those who may sign, by access key id. If there are none,
	// every signature that has the right form counts as Caller's.
	Principals map[string]Principal
	// Caller is the ARN of whoever is not one of Principals.
	Caller string
	// Policy is everybody's. If it is nil everything is allowed.
	Policy *Policy
	// DenyAll refuses every call, whatever the policy says.
	DenyAll bool
}

// Signed identifies the caller of a request that is signed in its headers. Its error is
// one of package sigv4.
func (g *Gate) Signed(r *http.Request, body []byte, service string) (cloudtrail.Caller, error) {
	id, err := g.secrets().Header(r, body, service, time.Now())
	return g.caller(id), err
}

// Presigned identifies the caller of a request that is signed in its query.
func (g *Gate) Presigned(r *http.Request) (cloudtrail.Caller, error) {
	id, err := g.secrets().Presigned(r, Service, time.Now())
	return g.caller(id), err
}

func (g *Gate) secrets() sigv4.Secrets {
	secrets := make(sigv4.Secrets)
	for id, p := range g.Principals {
		secrets[id] = p.Secret
	}
	return secrets
}

func (g *Gate) caller(id string) cloudtrail.Caller {
	if p, known := g.Principals[id]; known && p.ARN != "" {
		return cloudtrail.Caller{ARN: p.ARN, AccessKeyID: id}
	}
	return cloudtrail.Caller{ARN: g.Caller, AccessKeyID: id}
}

// Denied is the error of a call that the policy does not allow. Its text is AWS's.
type Denied struct{ text string }

func (d *Denied) Error() string { return d.text }

// Authorize returns a *Denied if the caller may not make the call. It adds what every
// request has to the condition keys.
func (g *Gate) Authorize(caller cloudtrail.Caller, r *http.Request, request Request) error {
	context := maps.Clone(request.Context)
	if context == nil {
		context = make(map[string]string)
	}
	context[SourceIP] = cloudtrail.SourceAddress(r)
	request.Context = context
	effect := g.Policy.Decide(request)
	if g.DenyAll {
		effect = ImplicitDeny
	}
	if effect == Allow {
		return nil
	}
	text := fmt.Sprintf("User: %s is not authorized to perform: %s", caller.ARN, request.Action)
	if request.Resource != "*" {
		text += " on resource: " + request.Resource
	}
	if effect == ExplicitDeny {
		return &Denied{text + " with an explicit deny in an identity-based policy"}
	}
	return &Denied{text + " because no identity-based policy allows the " + request.Action + " action"}
}
