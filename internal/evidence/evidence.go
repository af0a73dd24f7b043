// Package evidence saves what an answer depended on, so that anybody can verify it again:
// offline, years later, on another machine.
//
// A Record is saved as a directory of plain files. Each answer of the metadata service is
// a file with its exact bytes. evidence.json holds the rest. SHA256SUMS, in the format of
// sha256sum(1), reveals a change to any file. It cannot reveal a change to all files and
// to SHA256SUMS itself; store the digest of SHA256SUMS elsewhere to detect that.
//
// The package sends no requests and makes no decisions. It calls the same code that
// answered sshd.
package evidence

import (
	"crypto/x509"
	"errors"
	"fmt"

	"eic/internal/authorize"
	"eic/internal/instance"
	"eic/internal/lookup"
	"eic/internal/metadata"
	"eic/internal/trust"
)

// Record is one lookup: its options and the evidence.
type Record struct {
	// Program is the name and version of the program that asked.
	Program string
	// Evidence is the evidence of the lookup.
	Evidence lookup.Evidence
	// Options are those of the lookup. A Record that was loaded has no Options.Anchors;
	// use AnchorsFor.
	Options lookup.Options
	// AnyMachine is the value of lookup.Source.AnyMachine.
	AnyMachine bool
	// Anchors are the trust anchors that the signer had to chain to.
	Anchors Anchors
	// Requests are the requests sent to the metadata service, in order. They explain a
	// result, and do not affect it.
	Requests []metadata.Exchange
	// Failure says why the evidence is incomplete, or is nil.
	Failure *Failure
}

// Anchors are the trust anchors that a signer had to chain to.
type Anchors struct {
	// Setting is the value of --trust-anchors: lookup.AnchorsAuto, lookup.AnchorsSystem
	// or the name of a file.
	Setting string
	// Kept is PEM text: the contents of the named file, or else the anchor that the
	// signer was found to chain to. It is nil if there was neither.
	Kept []byte
}

// Failure says which part of the evidence could not be fetched. It implements error.
type Failure struct {
	// Stage is a metadata.Stage, StageMachine, StageAnchors or StageConfine.
	Stage string `json:"stage"`
	// Message is the text of the original error.
	Message string `json:"message"`
}

// Stages of a Failure other than requests to the metadata service.
const (
	StageMachine = "machine"       // reading the machine's identity files
	StageAnchors = "trust-anchors" // reading the trust anchors
	StageConfine = "confine"       // giving up unneeded rights of the process
)

func (f *Failure) Error() string { return f.Message }

// ErrNotAsked means that a Record lacks the signer's certificate, which is now needed. At
// the Record's own time no key could be accepted, so the certificate was not fetched; at
// the time asked for, a key could be.
var ErrNotAsked = errors.New("no key could be accepted when this evidence was saved, so the signer's certificate was not fetched")

// Decide decides about the Record with the code that answers sshd, at the time
// Evidence.Time, which the caller may change. If it returns an error, no key may be
// printed. The error is the Record's Failure, ErrNotAsked, or one of
// lookup.Result.Verify.
func (r Record) Decide() (lookup.Result, error) {
	if r.Evidence.ActiveKeys == nil {
		if r.Failure != nil {
			return lookup.Result{}, r.Failure
		}
		return lookup.Result{}, nil
	}
	first := r.Evidence
	if r.AnyMachine || first.Identity.Platform == instance.Xen {
		first.Instance = "" // unknown at that point
	}
	verdict := lookup.Screen(first, r.Options)
	switch {
	case !authorize.AnyUndecided(verdict.Decisions):
		return verdict, nil
	case r.Failure != nil:
		return verdict, r.Failure
	case r.Evidence.Signer.Chain == nil:
		return verdict, ErrNotAsked
	}
	return verdict, verdict.Verify(r.Evidence, r.Options)
}

// AnchorsFor returns the trust anchors to verify the signer of a domain under: the
// Record's own if BringsAnchors, or else those of lookup.Anchors.
func (r Record) AnchorsFor(domain string) (*x509.CertPool, error) {
	if !r.bringsAnchors(domain) {
		return lookup.Anchors(r.Anchors.Setting, domain)
	}
	pool, err := trust.ParseAnchors(r.Anchors.Kept)
	if err != nil {
		return nil, fmt.Errorf("reading the trust anchors kept with the evidence: %w", err)
	}
	return pool, nil
}

// BringsAnchors reports whether the Record is verified under trust anchors from the
// Record itself. Somebody who received the Record must not trust it for that reason
// alone.
func (r Record) BringsAnchors() bool {
	return r.bringsAnchors(lookup.Line(r.Evidence.Domain))
}

// bringsAnchors is BringsAnchors for a domain. It ignores saved copies of built-in
// anchors, which are for reading only.
func (r Record) bringsAnchors(domain string) bool {
	return r.Anchors.Kept != nil && !lookup.BuiltIn(r.Anchors.Setting, domain)
}
