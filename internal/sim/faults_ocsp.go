package sim

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"math/big"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"

	"eic/internal/sim/ca"
)

// ocspFaults are those of the OCSP staples: what they say, who says it, and how
// they are listed and written.
func ocspFaults() []Fault {
	return append(append(stapleFaults(), responderFaults()...), listingFaults()...)
}

// stapleFaults are those of what a staple says; where nothing else is said it is
// the signer's.
func stapleFaults() []Fault {
	return []Fault{
		refused("ocsp=revoked", "the signer's certificate is revoked", "signer revoked",
			staple(ca.Signer, func(s *ca.Staple) { s.Status = ocsp.Revoked })),
		refused("ocsp=revoked-intermediate", "the intermediate is revoked", "intermediate revoked",
			staple(ca.Intermediate, func(s *ca.Staple) { s.Status = ocsp.Revoked })),
		printed("ocsp=revoked-cross", "the cross-signed root is revoked, which the path to the newer root does without",
			staple(ca.Cross, func(s *ca.Staple) { s.Status = ocsp.Revoked })),
		refused("ocsp=unknown", "the responder does not know the signer's certificate", "status unknown",
			staple(ca.Signer, func(s *ca.Staple) { s.Status = ocsp.Unknown })),
		refused("ocsp=expired", "nextUpdate was an hour ago", "staple expired",
			staple(ca.Signer, func(s *ca.Staple) { s.NextUpdate = s.ThisUpdate.Add(time.Second) })),
		refused("ocsp=future", "thisUpdate is in an hour", "staple not yet valid",
			staple(ca.Signer, func(s *ca.Staple) { s.ThisUpdate = s.ThisUpdate.Add(2 * time.Hour) })),
		refused("ocsp=no-next-update", "there is no nextUpdate", "no nextUpdate",
			staple(ca.Signer, func(s *ca.Staple) { s.NextUpdate = time.Time{} })),
		refused("ocsp=wrong-serial", "it is about another serial number", "no staple for the signer",
			staple(ca.Signer, func(s *ca.Staple) { s.Serial = big.NewInt(4711) })),
		refused("ocsp=wrong-issuer-name", "the issuer's name in it is another CA's", "no staple for the signer",
			staple(ca.Signer, func(s *ca.Staple) { s.IssuerName = ca.Root })),
		refused("ocsp=wrong-issuer-key", "the issuer's key in it is another CA's", "no staple for the signer",
			staple(ca.Signer, func(s *ca.Staple) { s.IssuerKey = ca.Root })),
		printed("ocsp=sha256-ids", "issuer name and key are hashed with SHA-256",
			staple(ca.Signer, func(s *ca.Staple) { s.Hash = crypto.SHA256 })),
		refused("ocsp=critical-extension", "it has a critical extension that nobody knows", "critical extension",
			staple(ca.Signer, func(s *ca.Staple) { s.Extensions = unknownCritical() })),
		refused("ocsp=two-responses", "it says good, and behind that revoked, of the same certificate", "more than one status",
			staple(ca.Signer, func(s *ca.Staple) {
				second := *s
				second.Status = ocsp.Revoked
				s.Second = &second
			})),
		refused("ocsp=error-response", "the response is the error tryLater", "OCSP error response",
			stapleDER(func([]byte) []byte { return ocsp.TryLaterErrorResponse })),
		refused("ocsp=garbage-der", "it is base64 of something that is not DER", "malformed staple",
			stapleDER(func([]byte) []byte { return []byte("not an OCSP response") })),
		refused("ocsp=trailing-data", "there are octets behind the response", "malformed staple",
			stapleDER(func(der []byte) []byte { return append(der, 0x05, 0x00) })),
		refused("ocsp=not-base64", "it is the DER itself, not base64", "malformed staple",
			func(w *world) {
				var der []byte
				s := w.staple(ca.Signer)
				s.EditDER = append(s.EditDER, func(b []byte) []byte { der = b; return b })
				s.EditText = append(s.EditText, func([]byte) []byte { return der })
			}),
		printed("ocsp=unwrapped", "the base64 is one line",
			staple(ca.Signer, func(s *ca.Staple) {
				s.EditText = append(s.EditText, func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), nil) })
			})),
	}
}

// responderFaults are those of who signed the signer's staple.
func responderFaults() []Fault {
	return []Fault{
		refused("ocsp=bad-signature", "one bit of the signature is flipped", "staple signature",
			stapleDER(func(der []byte) []byte { der[len(der)-1] ^= 1; return der })),
		refused("ocsp=sha1-signature", "the issuer signed it with SHA-1", "staple signature",
			staple(ca.Signer, func(s *ca.Staple) { s.Algorithm = x509.SHA1WithRSA })),
		refused("ocsp=stranger", "an unrelated CA signed it", "staple signature", signedBy(ca.Stranger, false)),
		refused("ocsp=stranger-embedded", "an unrelated CA signed it and encloses its own certificate", "responder not issued by the issuer",
			signedBy(ca.Stranger, true)),
		refused("ocsp=sibling", "another certificate of the issuer signed it, one without OCSPSigning", "responder without OCSPSigning",
			signedBy(ca.Sibling, true)),
		refused("ocsp=leaf", "the signer vouches for itself", "responder without OCSPSigning", signedBy(ca.Signer, true)),
		printed("ocsp=delegate", "a responder certificate that the issuer issued for OCSPSigning signed it",
			signedBy(ca.Delegate, true)),
		refused("ocsp=delegate-expired", "such a responder, whose certificate expired an hour ago", "responder expired",
			delegate(func(c *ca.Certificate, now time.Time) { c.Template.NotAfter = now.Add(-time.Hour) })),
		refused("ocsp=delegate-future", "such a responder, whose certificate becomes valid in an hour", "responder not yet valid",
			delegate(func(c *ca.Certificate, now time.Time) { c.Template.NotBefore = now.Add(time.Hour) })),
		refused("ocsp=delegate-any-eku", "such a responder, but for any extended key usage instead of OCSPSigning", "responder without OCSPSigning",
			delegate(func(c *ca.Certificate, _ time.Time) {
				c.Template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
			})),
		refused("ocsp=delegate-not-direct", "such a responder, issued by a CA below the issuer", "responder not issued by the issuer",
			delegate(func(c *ca.Certificate, _ time.Time) { c.Issuer = ca.Subordinate })),
		refused("ocsp=delegate-other-ca", "such a responder, issued by the root above the issuer", "responder not issued by the issuer",
			delegate(func(c *ca.Certificate, _ time.Time) { c.Issuer = ca.Root })),
		refused("ocsp=delegate-stranger", "such a responder, issued by an unrelated CA", "responder not issued by the issuer",
			delegate(func(c *ca.Certificate, _ time.Time) { c.Issuer = ca.Stranger })),
	}
}

// listingFaults are those of which staples there are and what they are called.
func listingFaults() []Fault {
	return []Fault{
		refused("ocsp=missing", "the signer's staple is not there", "no staple for the signer", without(ca.Signer)),
		refused("ocsp=missing-intermediate", "the intermediate's staple is not there", "no staple for the intermediate",
			without(ca.Intermediate)),
		printed("ocsp=missing-cross", "the cross-signed root's staple is not there, which the path to the newer root does without",
			without(ca.Cross)),
		refused("ocsp=none", "the list of staples is empty", "no staple for the signer",
			func(w *world) { w.plan.Staples = nil }),
		refused("ocsp=unserved", "the signer's staple is listed, but asking for it is answered 404", "no staple for the signer",
			staple(ca.Signer, func(s *ca.Staple) { s.Unserved = true })),
		printed("ocsp=swapped", "signer's and intermediate's staples have each other's names",
			func(w *world) {
				w.staple(ca.Signer).NamedAfter = ca.Intermediate
				w.staple(ca.Intermediate).NamedAfter = ca.Signer
			}),
		printed("ocsp=sha256-names", "staples are named by SHA-256",
			named(func(c *x509.Certificate) string { return fmt.Sprintf("%X", sha256.Sum256(c.Raw)) })),
		printed("ocsp=lower-case-names", "staples are named in lower case",
			named(func(c *x509.Certificate) string { return strings.ToLower(ca.Fingerprint(c)) })),
		printed("ocsp=extra", "a good staple of an unrelated certificate is there too", sibling(func(*ca.Staple) {})),
		printed("ocsp=extra-revoked", "a staple that an unrelated certificate is revoked is there too",
			sibling(func(s *ca.Staple) { s.Status = ocsp.Revoked })),
		printed("ocsp=extra-revoked-stranger", "the same, signed by an unrelated CA",
			sibling(func(s *ca.Staple) { s.Status, s.Responder = ocsp.Revoked, ca.Stranger })),
		printed("ocsp=extra-unserved", "a fourth name is listed, but asking for it is answered 404",
			sibling(func(s *ca.Staple) { s.Unserved = true })),
		printed("ocsp=extra-garbage", "a fourth staple is not base64",
			sibling(func(s *ca.Staple) {
				s.EditText = append(s.EditText, func([]byte) []byte { return []byte("<html>\n") })
			})),
		refused("ocsp=revoked-plus-good", "there is one staple that the signer's certificate is good and one that it is revoked", "signer revoked",
			sibling(func(s *ca.Staple) { s.About, s.NamedAfter, s.Status = ca.Signer, ca.Sibling, ocsp.Revoked })),
		printed("ocsp=expired-plus-good", "beside the signer's good staple there is an expired one",
			sibling(func(s *ca.Staple) {
				s.About, s.NamedAfter, s.NextUpdate = ca.Signer, ca.Sibling, s.ThisUpdate.Add(time.Second)
			})),
		printed("ocsp=hostile-name", "the list has a line \"../../../../user-data\" more",
			listing(func(b []byte) []byte { return append(b, "\n../../../../user-data"...) })),
		refused("ocsp=many", "the list has 5,000 names more", "answer too long",
			listing(func(b []byte) []byte {
				for i := range 5000 {
					b = fmt.Appendf(b, "\n%040X", i)
				}
				return b
			})),
	}
}

// staple returns the planned staple of a certificate, or, if another fault took it
// away, one that is not served.
func (w *world) staple(about ca.Role) *ca.Staple {
	for _, s := range w.plan.Staples {
		if s.About == about {
			return s
		}
	}
	return new(ca.Staple)
}

func staple(about ca.Role, edit func(*ca.Staple)) func(*world) {
	return func(w *world) { edit(w.staple(about)) }
}

func stapleDER(edit func([]byte) []byte) func(*world) {
	return staple(ca.Signer, func(s *ca.Staple) { s.EditDER = append(s.EditDER, edit) })
}

func signedBy(responder ca.Role, embedded bool) func(*world) {
	return staple(ca.Signer, func(s *ca.Staple) { s.Responder, s.Embedded = responder, embedded })
}

// delegate has the signer's staple signed by a delegated responder whose
// certificate differs from a good one.
func delegate(edit func(c *ca.Certificate, now time.Time)) func(*world) {
	return func(w *world) {
		edit(w.plan.Certificates[ca.Delegate], w.now)
		signedBy(ca.Delegate, true)(w)
	}
}

// without takes away the staple of a certificate.
func without(about ca.Role) func(*world) {
	return func(w *world) {
		var kept []*ca.Staple
		for _, s := range w.plan.Staples {
			if s.About != about {
				kept = append(kept, s)
			}
		}
		w.plan.Staples = kept
	}
}

func named(name func(*x509.Certificate) string) func(*world) {
	return func(w *world) {
		for _, s := range w.plan.Staples {
			s.Name = name
		}
	}
}

// sibling adds a staple of the signer's sibling that differs from a good one.
func sibling(edit func(*ca.Staple)) func(*world) {
	return func(w *world) {
		s := ca.GoodStaple(ca.Sibling, ca.Intermediate, w.now)
		edit(s)
		w.plan.Staples = append(w.plan.Staples, s)
	}
}

func listing(edit func([]byte) []byte) func(*world) {
	return func(w *world) { w.plan.EditListing = append(w.plan.EditListing, edit) }
}
