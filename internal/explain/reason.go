package explain

import (
	"crypto/x509"
	"errors"

	"eic/internal/evidence"
	"eic/internal/lookup"
	"eic/internal/trust"
)

// Reason says in one word why something is as it is. Those of a Key are the
// names of authorize.Reason; those of a failed request are the names of
// metadata.Stage; the others are here.
type Reason string

// Reasons why there was no answer, or why it was no key.
const (
	reasonPrinted Reason = "printed"

	reasonUserName Reason = "user-name"
	reasonNotEC2   Reason = "not-ec2"
	reasonNoKey    Reason = "no-key-pushed"
	reasonRefused  Reason = "refused"

	reasonMachine  Reason = evidence.StageMachine
	reasonAnchors  Reason = evidence.StageAnchors
	reasonConfine  Reason = evidence.StageConfine
	reasonNotAsked Reason = "not-asked"

	reasonPlace         Reason = "place"
	reasonUnknownDomain Reason = "unknown-domain"
	reasonSignerChain   Reason = "signer-" + Reason(trust.PartChain)
	reasonSignerName    Reason = "signer-" + Reason(trust.PartName)
	reasonSignerKey     Reason = "signer-" + Reason(trust.PartKey)
	reasonSignerPath    Reason = "signer-" + Reason(trust.PartPath)
	reasonSignerStatus  Reason = "signer-" + Reason(trust.PartStatus)
	reasonSignerExpired Reason = "signer-expired"
	reasonSignerRevoked Reason = "signer-revoked"
)

// reasonOf names the reason of a failure.
func reasonOf(err error) Reason {
	var failure *evidence.Failure
	var signer *trust.Error
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &failure):
		return Reason(failure.Stage)
	case errors.Is(err, evidence.ErrNotAsked):
		return reasonNotAsked
	case errors.Is(err, lookup.ErrUnknownDomain):
		return reasonUnknownDomain
	case errors.Is(err, trust.ErrRevoked):
		return reasonSignerRevoked
	case errors.As(err, &signer) && errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return reasonSignerExpired
	case errors.As(err, &signer):
		return "signer-" + Reason(signer.Part)
	case errors.Is(err, lookup.ErrUntrusted):
		return reasonPlace
	default:
		return reasonAnchors // the one thing that judging must still read
	}
}
