// Package explain shows how an answer to sshd came about: the requests, their answers, each
// decision with its reason, and what to do.
//
// The package makes no decisions. It runs the same code as sshd's command, records what
// happens, and describes it in an Explanation. An Explanation can be written as text for a
// terminal or as JSON. Nothing goes to the system log, and untrusted text is always
// quoted.
package explain

import (
	"context"
	"encoding/pem"
	"errors"
	"slices"
	"sync"
	"time"

	"eic/internal/activekeys"
	"eic/internal/evidence"
	"eic/internal/instance"
	"eic/internal/lookup"
	"eic/internal/metadata"
)

// Ask makes the lookup described by r.Options at the time now. It returns r with the
// evidence, and the result. Its error says why there is no result; it is r.Failure or
// wraps lookup.ErrUntrusted.
//
// If the lookup did not need the instance's location, Ask fetches it afterwards, for the
// commands in an Explanation's advice.
func Ask(ctx context.Context, s lookup.Source, r evidence.Record, now time.Time) (evidence.Record, lookup.Result, error) {
	var requests requests
	s.Metadata.Observe = requests.add
	answer, err := lookup.Ask(ctx, s, r.Options, now)
	r.Evidence, r.AnyMachine = answer.Evidence, s.AnyMachine
	switch {
	case err != nil && !errors.Is(err, lookup.ErrUntrusted):
		r.Failure = failure(err, answer.Evidence)
		err = r.Failure
	case err == nil && asked(r):
		locate(ctx, s.Metadata, &r.Evidence)
	}
	if signer := answer.Result.Signer; signer != nil && r.Anchors.Kept == nil {
		anchor := signer.Chain[len(signer.Chain)-1]
		r.Anchors.Kept = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: anchor.Raw})
	}
	r.Requests = requests.sorted()
	return r, answer.Result, err
}

// failure says at which stage the lookup failed.
func failure(err error, e lookup.Evidence) *evidence.Failure {
	stage := evidence.StageConfine
	switch at := new(metadata.Error); {
	case errors.As(err, &at):
		stage = string(at.Stage)
	case e.Identity.Platform == "":
		stage = evidence.StageMachine
	case e.Signer.Chain != nil:
		stage = evidence.StageAnchors
	}
	return &evidence.Failure{Stage: stage, Message: err.Error()}
}

// asked reports whether the lookup had to query the metadata service.
func asked(r evidence.Record) bool {
	return activekeys.ValidUser(r.Options.User) && onEC2(r)
}

func onEC2(r evidence.Record) bool {
	return r.AnyMachine || r.Evidence.Identity.Platform != instance.None
}

// locate fetches the Availability Zone and the instance id if they are missing. If one of
// them cannot be fetched, the advice has a placeholder.
func locate(ctx context.Context, options metadata.Options, e *lookup.Evidence) {
	if e.Region != nil || e.Zone != nil {
		return
	}
	client, err := metadata.Connect(ctx, options)
	if err != nil {
		return
	}
	defer client.Close()
	if zone, err := client.AvailabilityZone(ctx); err == nil {
		e.Zone = zone
	}
	if e.Instance != "" {
		return
	}
	if id, err := client.InstanceID(ctx); err == nil {
		e.Instance = lookup.Line(id)
	}
}

// requests collects exchanges from several goroutines.
type requests struct {
	mu   sync.Mutex
	made []metadata.Exchange
}

func (r *requests) add(x metadata.Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := len(r.made)
	for at > 0 && x.Start.Before(r.made[at-1].Start) {
		at--
	}
	r.made = slices.Insert(r.made, at, x)
}

// sorted returns the exchanges in the order in which they started.
func (r *requests) sorted() []metadata.Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.made
}
