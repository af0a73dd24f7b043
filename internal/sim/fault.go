package sim

import "slices"

// Expectation is what a correct client does if a fault is on.
type Expectation string

// The expectations, for a pushed key that has not expired. They apply to a client that
// trusts Sim.Roots and accepts keys of any fingerprint.
const (
	// Printed: the client prints the pushed key. It may print others too.
	Printed Expectation = "printed"
	// Refused: the client prints no key, and says why.
	Refused Expectation = "refused"
	// None: the client sees no pushed key. It prints none and reports no error.
	None Expectation = "none"
)

// Fault is one way in which the simulated AWS can be wrong, or unusual.
type Fault struct {
	// Name is the name to request the fault by, AREA=WHAT.
	Name string
	// Description says what is different, on one line.
	Description string
	// Transport distinguishes faults in how an answer is sent, whose names are STAGE=KIND
	// with values of Stages and Kinds, from faults in its contents.
	Transport bool
	// Expect is what a client does that gets its instance id from the metadata service.
	// OnNitro is what a client does that gets its instance id from the hypervisor. They
	// differ for a few faults.
	Expect, OnNitro Expectation
	// Reason is the reason for refusal, in plain words. It is "" unless the expectation
	// is Refused.
	Reason string

	apply func(*scenario)
}

// refused returns a fault that makes a client print no key.
func refused(name, description, reason string, apply func(*scenario)) Fault {
	return Fault{Name: name, Description: description, Reason: reason, Expect: Refused, apply: apply}
}

// printed returns a fault that does not keep a client from printing the key.
func printed(name, description string, apply func(*scenario)) Fault {
	return Fault{Name: name, Description: description, Expect: Printed, apply: apply}
}

// onNitro sets what a client does that does not ask for its instance id.
func (f Fault) onNitro(e Expectation) Fault {
	f.OnNitro = e
	return f
}

// Faults returns every fault, in the order of the help text.
func Faults() []Fault {
	faults := slices.Concat(
		imdsFaults(), instanceFaults(), regionFaults(), domainFaults(),
		signerFaults(), chainFaults(), ocspFaults(),
		documentFaults(), keyFaults(), signatureFaults(), transportFaults(),
	)
	for i := range faults {
		if faults[i].OnNitro == "" {
			faults[i].OnNitro = faults[i].Expect
		}
	}
	return faults
}
