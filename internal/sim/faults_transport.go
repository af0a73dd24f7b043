package sim

import "eic/internal/sim/imds"

// Stages returns the stages whose answers can be lost or damaged.
func Stages() []imds.Stage {
	return []imds.Stage{
		imds.StageToken, imds.StageActiveKeys, imds.StageInstanceID, imds.StageRegion,
		imds.StageDomain, imds.StageSignerCert, imds.StageStapleList, imds.StageStaple,
	}
}

// Kinds returns the ways in which an answer can be lost or damaged.
func Kinds() []imds.Kind { return imds.Kinds() }

// transportFaults are all kinds of lost or damaged answers, at every stage.
func transportFaults() []Fault {
	var faults []Fault
	for _, stage := range Stages() {
		for _, kind := range Kinds() {
			if stage == imds.StageToken && kind == imds.Once401 {
				continue // 401 is the answer to a bad token; this request has none
			}
			faults = append(faults, transportFault(stage, kind))
		}
	}
	return faults
}

func transportFault(stage imds.Stage, kind imds.Kind) Fault {
	fault := Fault{
		Name:        string(stage) + "=" + string(kind),
		Description: string(stage) + ": " + kind.Describe(),
		Transport:   true,
		Expect:      Refused,
		Reason:      transportReason(kind),
		apply:       func(w *scenario) { w.faults.Stages[stage] = kind },
	}
	switch {
	case kind == imds.Once503 || kind == imds.Once401 || kind == imds.ResetOnce:
		fault.Expect, fault.Reason = Printed, ""
	case stage == imds.StageActiveKeys && kind == imds.Status404:
		fault.Expect, fault.Reason = None, "" // this answer means that there is no key
	case stage == imds.StageRegion && kind == imds.Status404:
		fault.Expect, fault.Reason = Printed, "" // the Availability Zone gives the Region
	}
	if stage == imds.StageInstanceID {
		fault.OnNitro = Printed
	}
	return fault
}

// transportReason is a client's reason for a fault that persists.
func transportReason(kind imds.Kind) string {
	switch kind {
	case imds.Hang, imds.Drip:
		return "no answer in time"
	case imds.Reset:
		return "connection reset"
	case imds.Truncated:
		return "body cut short"
	case imds.WrongLength, imds.Noise:
		return "malformed answer"
	case imds.Huge, imds.LongLine:
		return "answer too long"
	case imds.Gzip:
		return "unexpected encoding"
	}
	return "status " + transportStatus(kind)
}

func transportStatus(kind imds.Kind) string {
	if kind == imds.Redirect {
		return "302"
	}
	return string(kind)
}
