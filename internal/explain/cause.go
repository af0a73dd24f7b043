package explain

import (
	"crypto/x509"
	"errors"

	"eic/internal/evidence"
	"eic/internal/lookup"
	"eic/internal/trust"
)

// Cause says in one word why something is as it is. Those of a Key are the
// names of authorize.Reason; those of a failed request are the names of
// metadata.Stage; the others are here.
type Cause string

// Reasons why there was no answer, or why it was no key.
const (
	causePrinted Cause = "printed"

	causeUserName Cause = "user-name"
	causeNotEC2   Cause = "not-ec2"
	causeNoKey    Cause = "no-key-pushed"
	causeRefused  Cause = "refused"

	causeMachine  Cause = evidence.StageMachine
	causeAnchors  Cause = evidence.StageAnchors
	causeConfine  Cause = evidence.StageConfine
	causeNotAsked Cause = "not-asked"

	causePlace         Cause = "place"
	causeUnknownDomain Cause = "unknown-domain"
	causeSignerChain   Cause = "signer-" + Cause(trust.PartChain)
	causeSignerName    Cause = "signer-" + Cause(trust.PartName)
	causeSignerKey     Cause = "signer-" + Cause(trust.PartKey)
	causeSignerPath    Cause = "signer-" + Cause(trust.PartPath)
	causeSignerStatus  Cause = "signer-" + Cause(trust.PartStatus)
	causeSignerExpired Cause = "signer-expired"
	causeSignerRevoked Cause = "signer-revoked"
)

// causeOf names the reason of a failure.
func causeOf(err error) Cause {
	var failure *evidence.Failure
	var signer *trust.Error
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &failure):
		return Cause(failure.Stage)
	case errors.Is(err, evidence.ErrNotAsked):
		return causeNotAsked
	case errors.Is(err, lookup.ErrUnknownDomain):
		return causeUnknownDomain
	case errors.Is(err, trust.ErrRevoked):
		return causeSignerRevoked
	case errors.As(err, &signer) && errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return causeSignerExpired
	case errors.As(err, &signer):
		return "signer-" + Cause(signer.Part)
	case errors.Is(err, lookup.ErrUntrusted):
		return causePlace
	default:
		return causeAnchors // the one thing that is still read then
	}
}
