package iam

import (
	"fmt"
	"maps"
	"net/http"
	"time"

	"eic/internal/sim/cloudtrail"
	"eic/internal/sim/sigv4"
)

// Service is the service name in the signatures for both APIs of EC2 Instance Connect.
const Service = "ec2-instance-connect"

// Principal is an IAM principal and the secret access key that it signs with.
type Principal struct {
	Secret, ARN string
}

// Gate checks every call: it identifies the caller and decides whether the call is
// allowed.
type Gate struct {
	// Principals are the known signers, by access key id. Without any, every
	// well-formed signature counts as Caller's.
	Principals map[string]Principal
	// Caller is the ARN of a caller who is not one of Principals.
	Caller string
	// Policy applies to everybody. If it is nil, everything is allowed.
	Policy *Policy
	// DenyAll denies every call, whatever the policy says.
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

// Denied is the error for a call that the policy does not allow, with AWS's text.
type Denied struct{ text string }

func (d *Denied) Error() string { return d.text }

// Authorize returns a *Denied if the caller may not make the call. It adds the condition
// keys that every request has.
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
