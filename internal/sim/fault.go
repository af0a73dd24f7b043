package sim

import "slices"

// Expectation is what a correct client does in a world with a fault.
type Expectation string

// The expectations, for a key that was pushed and has not expired. They hold for a
// client that trusts Sim.Roots and looks for keys of any fingerprint.
const (
	// Printed: the pushed key is printed. Others may be printed beside it.
	Printed Expectation = "printed"
	// Refused: no key is printed, and the client says why.
	Refused Expectation = "refused"
	// None: as far as the client can see nobody pushed a key; it prints none
	// and has nothing to complain about.
	None Expectation = "none"
)

// Fault is one way in which the simulated world can be wrong, or merely unusual.
type Fault struct {
	// Name is what it is asked for by, AREA=WHAT.
	Name string
	// Description says what is different, in one line.
	Description string
	// Transport tells the faults of how an answer travels, whose names are
	// STAGE=KIND out of Stages and Kinds, from those of what it says.
	Transport bool
	// Expect is what a client does that asks the metadata service for its
	// instance id. OnNitro is what one does that knows its instance id from
	// the firmware and never asks; it differs for few faults.
	Expect, OnNitro Expectation
	// Reason says in plain words what a client that refuses objects to; for
	// the other expectations it is "".
	Reason string

	apply func(*world)
}

// refused is a fault because of which no key is printed.
func refused(name, description, reason string, apply func(*world)) Fault {
	return Fault{Name: name, Description: description, Reason: reason, Expect: Refused, apply: apply}
}

// printed is a fault in spite of which the key is printed.
func printed(name, description string, apply func(*world)) Fault {
	return Fault{Name: name, Description: description, Expect: Printed, apply: apply}
}

// onNitro says what a client does that never asks for the instance id.
func (f Fault) onNitro(e Expectation) Fault {
	f.OnNitro = e
	return f
}

// Faults returns every fault, in the order in which help text lists them.
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
