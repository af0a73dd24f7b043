// Package explain tells a person, or a program, how an answer to sshd came
// about: what was asked of whom, what came, what was decided and why, and what
// to do about it.
//
// It decides nothing. It puts the same question through the same code as sshd
// does, keeps everything that passes, and turns it into an Explanation, which can be
// written as text for a terminal or as JSON. Nothing of it goes to the system
// log, and no text that somebody else wrote reaches a terminal unquoted.
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

// Ask puts the question in r.Terms at the time now and returns r with all that
// came of it, and the verdict. The error is why there is none: r.Failure, or an
// lookup.ErrUntrusted.
//
// Where the place of the instance did not matter for the verdict it is asked
// for afterwards, for the sake of the advice in an Explanation.
func Ask(ctx context.Context, s lookup.Source, r evidence.Record, now time.Time) (evidence.Record, lookup.Result, error) {
	var requests requests
	s.Metadata.Observe = requests.add
	answer, err := lookup.Ask(ctx, s, r.Terms, now)
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

// failure says where the inquiry broke off.
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

// asked reports whether there was any reason to ask the metadata service.
func asked(r evidence.Record) bool {
	return activekeys.ValidUser(r.Terms.User) && onEC2(r)
}

func onEC2(r evidence.Record) bool {
	return r.AnyMachine || r.Evidence.Identity.Platform != instance.None
}

// locate asks for the availability zone and the instance id where neither has
// come yet. What cannot be had is left out of the advice.
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

// requests gathers exchanges from several goroutines.
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

// sorted returns them in the order in which they were begun.
func (r *requests) sorted() []metadata.Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.made
}
