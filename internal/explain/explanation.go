package explain

import (
	"fmt"
	"math"
	"time"

	"eic/internal/activekeys"
	"eic/internal/authorize"
	"eic/internal/evidence"
	"eic/internal/lookup"
	"eic/internal/metadata"
)

// schema names the format of an Explanation as JSON; see docs/reference/explain.md.
// Fields may be added. A change that a reader would misread needs a new name.
const schema = "eic.explain/1"

// Outcome is what sshd gets.
type Outcome string

// The outcomes.
const (
	Keys   Outcome = "keys"   // at least one key is printed
	NoKey  Outcome = "no-key" // the answer is that no key is printed
	Failed Outcome = "failed" // there is no answer
)

// Explanation describes one lookup. Its strings are untrusted: some come from the network
// and must be quoted before they are written to a terminal.
type Explanation struct {
	Schema  string `json:"schema"`
	Program string `json:"program"`
	// Evidence is set if saved evidence was verified.
	Evidence *Kept     `json:"evidence,omitempty"`
	Time     time.Time `json:"time"`
	// Host is the name of the machine that made the lookup, if it made one.
	Host string `json:"host,omitempty"`
	// Asked says which user and flags the lookup used, or is nil if that was not
	// determined.
	Asked       *Asked `json:"asked,omitempty"`
	User        string `json:"user"`
	Fingerprint string `json:"fingerprint,omitempty"`

	Outcome Outcome `json:"outcome"`
	// Reason is the cause of the outcome. Remedy depends on it.
	Reason  Cause  `json:"reason"`
	Message string `json:"message"`
	Remedy  Remedy `json:"remedy,omitzero"`

	// Flags are the flags that the answer depends on.
	Flags evidence.Flags `json:"terms"`

	Machine  Machine   `json:"machine"`
	Requests []Request `json:"requests,omitempty"`
	// ClockOffset is the number of seconds by which this machine's clock is ahead of the
	// metadata service's. It is nil if the metadata service sent no time.
	ClockOffset *int64  `json:"clock_offset_seconds,omitempty"`
	Signer      *Signer `json:"signer,omitempty"`
	Keys        []Key   `json:"keys,omitempty"`
	// Login is what sshd says about the login, or nil if sshd was not asked.
	Login *Login `json:"sshd,omitempty"`
}

// Kept says where saved evidence comes from.
type Kept struct {
	// Program is the program that saved the evidence, and Time the time of the lookup.
	// Both are zero for evidence that was given as separate files.
	Program string    `json:"program,omitempty"`
	Time    time.Time `json:"time,omitzero"`
	// Manifest is the SHA-256 digest of the evidence's SHA256SUMS, in hexadecimal.
	Manifest string `json:"sha256sums_sha256,omitempty"`
	// TrustAnchors is set if the trust anchors also come from the evidence.
	TrustAnchors bool `json:"trust_anchors,omitempty"`
}

// Machine is what the machine and the metadata service say about the instance.
type Machine struct {
	Platform         string `json:"platform"`
	InstanceID       string `json:"instance_id,omitempty"`
	Region           string `json:"region,omitempty"`
	AvailabilityZone string `json:"availability_zone,omitempty"`
	Domain           string `json:"domain,omitempty"`
}

// Request is one request to the metadata service.
type Request struct {
	Stage        string  `json:"stage"`
	Method       string  `json:"method"`
	Path         string  `json:"path"`
	Status       int     `json:"status,omitempty"`
	Bytes        int     `json:"bytes"`
	Milliseconds float64 `json:"milliseconds"`
	Error        string  `json:"error,omitempty"`
}

// New returns the Explanation of a Record and its result. program is the name and version
// of the program that decided.
func New(program string, r evidence.Record, v lookup.Result, err error) Explanation {
	report := Explanation{
		Schema: schema, Program: program, Time: r.Evidence.Time.UTC().Round(0),
		User: r.Options.User, Fingerprint: r.Options.Fingerprint,
		Flags:       r.Flags(),
		Machine:     machine(r),
		Requests:    newRequests(r.Requests),
		ClockOffset: clockOffset(r.Requests),
		Signer:      newSigner(r, v),
	}
	facts := newFacts(r, report.ClockOffset)
	printed := 0
	for _, d := range v.Decisions {
		if d.Reason == authorize.Printed {
			printed++
		}
		report.Keys = append(report.Keys, newKey(d, facts))
	}
	switch {
	case err != nil:
		report.Outcome, report.Reason, report.Message = Failed, causeOf(err), err.Error()
	case printed > 0:
		report.Outcome, report.Reason = Keys, causePrinted
		report.Message = count(printed, len(v.Decisions)) + " would be printed"
	default:
		report.Outcome = NoKey
		report.Reason, report.Message = whyNone(r, v)
	}
	report.Remedy = facts.remedy(report.Reason)
	return report
}

func machine(r evidence.Record) Machine {
	e := r.Evidence
	return Machine{
		Platform:         string(e.Identity.Platform),
		InstanceID:       e.Instance,
		Region:           lookup.Line(e.Region),
		AvailabilityZone: lookup.Line(e.Zone),
		Domain:           lookup.Line(e.Domain),
	}
}

// count phrases a number of keys out of all keys.
func count(n, all int) string {
	switch {
	case all == 1:
		return "the key"
	case n == all:
		return fmt.Sprintf("all %d keys", all)
	default:
		return fmt.Sprintf("%d of %d keys", n, all)
	}
}

// whyNone returns the reason why a lookup that did not fail printed no key.
func whyNone(r evidence.Record, v lookup.Result) (Cause, string) {
	switch {
	case !activekeys.ValidUser(r.Options.User) && r.Evidence.ActiveKeys == nil:
		return causeUserName, fmt.Sprintf("no key can be pushed for a user named %q, so no request was sent", r.Options.User)
	case !onEC2(r) && r.Evidence.ActiveKeys == nil:
		return causeNotEC2, "this machine is not an EC2 instance, so no request was sent"
	case len(v.Decisions) == 0:
		return causeNoKey, fmt.Sprintf("nobody pushed a key for user %q in the last minute", r.Options.User)
	case len(v.Decisions) == 1:
		return causeRefused, "the only key was refused"
	default:
		return causeRefused, fmt.Sprintf("all %d keys were refused", len(v.Decisions))
	}
}

func newRequests(exchanges []metadata.Exchange) []Request {
	var requests []Request
	for _, x := range exchanges {
		request := Request{
			Stage: string(x.Stage), Method: x.Method, Path: x.Path, Status: x.Status, Bytes: x.Bytes,
			Milliseconds: math.Round(float64(x.Duration)/float64(time.Microsecond)) / 1000,
		}
		if x.Err != nil {
			request.Error = x.Err.Error()
		}
		requests = append(requests, request)
	}
	return requests
}

func clockOffset(exchanges []metadata.Exchange) *int64 {
	clock := lookup.CompareClocks(exchanges)
	if clock == nil {
		return nil
	}
	offset := clock.CertainSeconds()
	return &offset
}
