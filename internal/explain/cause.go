package explain

import (
	"crypto/x509"
	"errors"

	"eic/internal/evidence"
	"eic/internal/lookup"
	"eic/internal/trust"
)

// Cause is a reason in one word. The causes of a Key are the names of authorize.Reason.
// The causes of a failed request are the names of metadata.Stage. The others are below.
type Cause string

// Causes of a missing answer, and of an answer without a key.
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
	causeSignerStatus  Cause = "signer-" + Cause(trust.PartRevocation)
	causeSignerExpired Cause = "signer-expired"
	causeSignerRevoked Cause = "signer-revoked"
)

// causeOf returns the cause of a failure.
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
		return causeAnchors // the anchors are the only thing that is read after this point
	}
}
