// Package evidence keeps what an answer rested on, so that anybody can verify
// it again: offline, years later, on another machine.
//
// A Record is kept as a plain directory. Each answer of the metadata service is
// a file with the bytes as they came, evidence.json has what is not bytes, and
// SHA256SUMS, in the form of sha256sum(1), shows whether a file was changed. It
// cannot show that all were changed together: who needs that keeps the digest
// of SHA256SUMS in another place.
//
// The package asks nobody and decides nothing itself; it calls the code that
// decided in the first place.
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

// Record is one inquiry: what was asked, under which terms, and what came.
type Record struct {
	// Program is the program that asked, with its version.
	Program string
	// Evidence is what was decided on.
	Evidence lookup.Evidence
	// Terms are what it was decided under. A Record that was loaded has no
	// Terms.Anchors; AnchorsFor is one.
	Terms lookup.Terms
	// AnyMachine is that of lookup.Source.
	AnyMachine bool
	// Anchors are what the signer had to chain to.
	Anchors Anchors
	// Requests are those made to the metadata service, in order. They serve
	// to explain, not to decide.
	Requests []metadata.Exchange
	// Failure is why the evidence is incomplete, or nil.
	Failure *Failure
}

// Anchors say what a signer had to chain to.
type Anchors struct {
	// Setting is lookup.AnchorsAuto, lookup.AnchorsSystem or the name of a
	// file, as --trust-anchors of eic(8) has it.
	Setting string
	// Kept is PEM text: the file's, or else the anchor that the signer was
	// found to chain to. It is nil where there was neither.
	Kept []byte
}

// Failure is why evidence could not be had. It is also the error.
type Failure struct {
	// Stage is a metadata.Stage, StageMachine, StageAnchors or StageConfine.
	Stage string `json:"stage"`
	// Message is what the error said then.
	Message string `json:"message"`
}

// Stages of a Failure that are no requests to the metadata service.
const (
	StageMachine = "machine"       // reading what the machine says of itself
	StageAnchors = "trust-anchors" // reading the trust anchors
	StageConfine = "confine"       // giving up what the process does not need
)

func (f *Failure) Error() string { return f.Message }

// ErrNotAsked is the error of deciding on a Record at a time at which it has a key
// that might count, when at its own time it had none and the signer's
// certificate was therefore not asked for.
var ErrNotAsked = errors.New("no key could count when this evidence was kept, so the signer's certificate was not asked for")

// Decide decides on the Record by the code that answers sshd, at the time in
// Evidence.Time, which may be set to another than its own. With an error no
// key may be printed: what the Record's Failure says, ErrNotAsked, or an error
// of lookup.Result.Verify.
func (r Record) Decide() (lookup.Result, error) {
	if r.Evidence.ActiveKeys == nil {
		if r.Failure != nil {
			return lookup.Result{}, r.Failure
		}
		return lookup.Result{}, nil
	}
	first := r.Evidence
	if r.AnyMachine || first.Identity.Platform == instance.Xen {
		first.Instance = "" // it was not known yet
	}
	verdict := lookup.Screen(first, r.Terms)
	switch {
	case !authorize.AnyUndecided(verdict.Decisions):
		return verdict, nil
	case r.Failure != nil:
		return verdict, r.Failure
	case r.Evidence.Signer.Chain == nil:
		return verdict, ErrNotAsked
	}
	return verdict, verdict.Verify(r.Evidence, r.Terms)
}

// AnchorsFor returns the trust anchors that the signer of a domain is verified
// under: the Record's own if it brings them, and otherwise lookup.Anchors.
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

// BringsAnchors reports whether the Record is verified under trust anchors that
// it brings itself. Whoever did not keep it must not believe it for that alone.
func (r Record) BringsAnchors() bool {
	return r.bringsAnchors(lookup.Line(r.Evidence.Domain))
}

// bringsAnchors leaves out what was kept of anchors that are built into this program;
// that serves to look at.
func (r Record) bringsAnchors(domain string) bool {
	return r.Anchors.Kept != nil && !lookup.BuiltIn(r.Anchors.Setting, domain)
}
