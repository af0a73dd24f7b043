package faults

import (
	"fmt"
	"time"

	"eic/internal/sim/imds"
	"eic/test/trial"
)

// outcome is the expected result of a run.
type outcome struct {
	status      int
	stdout, log string // log is a regular expression for the whole log
	// surplus is set if the service sends more than the answer. A request that is already
	// on the connection then takes the rest for its answer, and is refused.
	surplus bool
}

var (
	// thePushedKey is printed despite the fault.
	thePushedKey = outcome{stdout: trial.Key + "\n", log: `\Ainfo: Providing ssh key from EC2 Instance Connect with fingerprint: .*\n\z`}
	// noKey means that the program sees no pushed key.
	noKey = outcome{log: `\A\z`}
)

// budget is the budget of a run with a persistent fault.
const budget = 2 * time.Second

// lasting are the kinds of faults that persist until the budget is spent.
func lasting() []imds.Kind {
	return []imds.Kind{imds.Hang, imds.Drip, imds.Reset, imds.Truncated, imds.Status500, imds.Status503}
}

// noAnswer returns a failure that names the stage and the reason.
func noAnswer(stage imds.Stage, reason string) outcome {
	return outcome{status: 1, log: fmt.Sprintf(`\Aerror: .*asking the metadata service for %s: %s.*\n\z`, stage, reason)}
}

// final returns a failure that a retry does not fix. A single staple may be missing, so
// its error names the certificate that lacks a status.
func final(stage imds.Stage, reason string) outcome {
	if stage == imds.StageStaple {
		return refusal(`status of .*CN=managed-ssh-signer.*for staple: ` + reason)
	}
	return noAnswer(stage, reason)
}

// spent returns a failure that persists until the budget is spent.
func spent(stage imds.Stage, reason string) outcome {
	return noAnswer(stage, fmt.Sprintf("the budget of %s is spent%s", budget, reason))
}

// refusal returns the outcome of an answer that was received and refused.
func refusal(reason string) outcome {
	return outcome{status: 1, log: `\Awarning: .*` + reason + `.*\n\z`}
}

// ignored returns the outcome of a document without an acceptable key.
func ignored(level, reason string) outcome {
	return outcome{log: `\A` + level + `: .*` + reason + `.*\n\z`}
}

// expect returns the expected outcome of a fault.
func expect(stage imds.Stage, kind imds.Kind) outcome {
	switch kind {
	case imds.Once503, imds.Once401, imds.ResetOnce:
		return thePushedKey
	case imds.Hang, imds.Drip:
		return spent(stage, "; no complete answer came")
	case imds.Reset:
		return spent(stage, "; last failure: .*connection reset by peer")
	case imds.Truncated:
		return spent(stage, "; last failure: reading the answer after [0-9]+ bytes: unexpected EOF")
	case imds.Status500:
		return spent(stage, "; last failure: answered 500")
	case imds.Status503:
		return spent(stage, "; last failure: answered 503")
	case imds.Status403:
		return final(stage, "answered 403 Forbidden")
	case imds.Redirect:
		return final(stage, "answered 302 Found: redirects are not followed")
	case imds.Huge, imds.LongLine:
		return final(stage, fmt.Sprintf("the answer is longer than %d bytes", limit(stage)))
	case imds.Gzip:
		return final(stage, `unexpected Content-Encoding \\?"gzip`)
	case imds.Status404:
		return missing(stage)
	case imds.Noise:
		return noise(stage)
	case imds.WrongLength:
		o := half(stage)
		o.surplus = true
		return o
	default:
		return outcome{status: -1, log: fmt.Sprintf("no outcome is expected of %q", kind)}
	}
}

// limit returns the maximum length of an answer in bytes.
func limit(stage imds.Stage) int {
	switch stage {
	case imds.StageActiveKeys:
		return 1 << 20
	case imds.StageSignerCert:
		return 64 << 10
	case imds.StageStaple:
		return 32 << 10
	default:
		return 4 << 10
	}
}

// missing returns the expected outcome of status 404.
func missing(stage imds.Stage) outcome {
	switch stage {
	case imds.StageActiveKeys:
		return noKey
	case imds.StageRegion:
		return thePushedKey // older services have only the zone
	default:
		return final(stage, `not found \(404\)`)
	}
}

// noise returns the expected outcome of random octets.
func noise(stage imds.Stage) outcome {
	switch stage {
	case imds.StageToken:
		return noAnswer(stage, "the session token .* is not printable text")
	case imds.StageActiveKeys:
		return ignored("info", "malformed: the document has text but no block")
	case imds.StageSignerCert:
		return refusal("parsing the signer's chain: no certificate found")
	case imds.StageStapleList:
		return refusal("its name is not 1 to 128 letters and digits")
	case imds.StageStaple:
		return refusal("decoding the OCSP response: illegal base64")
	default:
		return place(stage, `.*`)
	}
}

// half returns the expected outcome of half an answer that looks complete.
func half(stage imds.Stage) outcome {
	switch stage {
	case imds.StageToken:
		return noAnswer(imds.StageActiveKeys, "answered 401 Unauthorized")
	case imds.StageActiveKeys:
		return ignored("(warning|info)", "(bad-signature: |malformed: decoding the signature)")
	case imds.StageSignerCert:
		return refusal("the PEM block after certificate 1, .* is malformed or cut short")
	case imds.StageStapleList:
		return refusal("checking the revocation status of .*")
	case imds.StageStaple:
		return refusal("(decoding|parsing) the OCSP response")
	case imds.StageInstanceID:
		return place(stage, trial.Instance[:len(trial.Instance)/2])
	case imds.StageRegion:
		return place(stage, trial.Region[:len(trial.Region)/2])
	case imds.StageAvailabilityZone:
		return place(stage, (trial.Region + "a")[:(len(trial.Region)+1)/2])
	default:
		return place(stage, trial.Domain[:len(trial.Domain)/2])
	}
}

// place returns the expected outcome of an invalid instance id, Region, zone or domain.
func place(stage imds.Stage, answer string) outcome {
	return refusal(map[imds.Stage]string{
		imds.StageInstanceID:       `the metadata service reports the instance id "`,
		imds.StageRegion:           `the metadata service reports the Region "`,
		imds.StageAvailabilityZone: `the metadata service reports the Availability Zone "`,
		imds.StageDomain:           `the metadata service reports the domain "`,
	}[stage] + answer)
}
