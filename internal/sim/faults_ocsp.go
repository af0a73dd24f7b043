package sim

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"

	"eic/internal/sim/ca"
)

// ocspFaults are faults in the OCSP staples: their contents, their signers, their list
// and their encoding.
func ocspFaults() []Fault {
	return slices.Concat(stapleFaults(), clockFaults(), formFaults(), responderFaults(), listingFaults())
}

// stapleFaults are faults in a staple's contents. It is the signer's staple unless the
// description says otherwise.
func stapleFaults() []Fault {
	return []Fault{
		refused("ocsp=revoked", "the signer's certificate is revoked", "signer revoked",
			staple(ca.Signer, func(s *ca.Staple) { s.Status = ocsp.Revoked })),
		refused("ocsp=revoked-intermediate", "the intermediate is revoked", "intermediate revoked",
			staple(ca.Intermediate, func(s *ca.Staple) { s.Status = ocsp.Revoked })),
		printed("ocsp=revoked-cross", "the cross-signed root is revoked; the path to the newer root does not need it",
			staple(ca.Cross, func(s *ca.Staple) { s.Status = ocsp.Revoked })),
		refused("ocsp=unknown", "the responder does not know the signer's certificate", "status unknown",
			staple(ca.Signer, func(s *ca.Staple) { s.Status = ocsp.Unknown })),
		refused("ocsp=no-next-update", "there is no nextUpdate", "no nextUpdate",
			staple(ca.Signer, func(s *ca.Staple) { s.NextUpdate = time.Time{} })),
		refused("ocsp=wrong-serial", "the staple is about another serial number", "no staple for the signer",
			staple(ca.Signer, func(s *ca.Staple) { s.Serial = big.NewInt(4711) })),
		refused("ocsp=wrong-issuer-name", "the issuer's name in the staple is another CA's", "no staple for the signer",
			staple(ca.Signer, func(s *ca.Staple) { s.IssuerName = ca.Root })),
		refused("ocsp=wrong-issuer-key", "the issuer's key in the staple is another CA's", "no staple for the signer",
			staple(ca.Signer, func(s *ca.Staple) { s.IssuerKey = ca.Root })),
		printed("ocsp=sha256-ids", "issuer name and key are hashed with SHA-256",
			staple(ca.Signer, func(s *ca.Staple) { s.Hash = crypto.SHA256 })),
		refused("ocsp=critical-extension", "the staple has an unknown critical extension", "critical extension",
			staple(ca.Signer, func(s *ca.Staple) { s.Extensions = unknownCritical() })),
		refused("ocsp=two-responses", "the staple says good and then revoked, both about the same certificate", "signer revoked",
			staple(ca.Signer, func(s *ca.Staple) {
				second := *s
				second.Status = ocsp.Revoked
				s.Second = &second
			})),
		refused("ocsp=error-response", "the response is the error tryLater", "OCSP error response",
			stapleDER(func([]byte) []byte { return ocsp.TryLaterErrorResponse })),
		refused("ocsp=garbage-der", "the staple is base64 text, but not of DER", "malformed staple",
			stapleDER(func([]byte) []byte { return []byte("not an OCSP response") })),
		refused("ocsp=trailing-data", "more bytes follow the response", "malformed staple",
			stapleDER(func(der []byte) []byte { return append(der, 0x05, 0x00) })),
		refused("ocsp=not-base64", "the staple is raw DER, not base64", "malformed staple",
			func(w *scenario) {
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

// clockFaults are faults in the validity of the signer's staple. A client tolerates five
// minutes of difference between two clocks.
func clockFaults() []Fault {
	return []Fault{
		refused("ocsp=expired", "nextUpdate was an hour ago", "staple expired",
			staple(ca.Signer, func(s *ca.Staple) { s.NextUpdate = s.ThisUpdate.Add(time.Second) })),
		refused("ocsp=future", "thisUpdate is in an hour", "staple not yet valid",
			staple(ca.Signer, func(s *ca.Staple) { s.ThisUpdate = s.ThisUpdate.Add(2 * time.Hour) })),
		printed("ocsp=clock-behind", "thisUpdate is in two minutes, as on a host whose clock is slow",
			staple(ca.Signer, func(s *ca.Staple) { s.ThisUpdate = s.ThisUpdate.Add(62 * time.Minute) })),
		printed("ocsp=clock-ahead", "nextUpdate was two minutes ago, as on a host whose clock is fast",
			staple(ca.Signer, func(s *ca.Staple) { s.NextUpdate = s.ThisUpdate.Add(58 * time.Minute) })),
		refused("ocsp=clock-far-behind", "thisUpdate is in ten minutes", "staple not yet valid",
			staple(ca.Signer, func(s *ca.Staple) { s.ThisUpdate = s.ThisUpdate.Add(70 * time.Minute) })),
		refused("ocsp=clock-far-ahead", "nextUpdate was ten minutes ago", "staple expired",
			staple(ca.Signer, func(s *ca.Staple) { s.NextUpdate = s.ThisUpdate.Add(50 * time.Minute) })),
	}
}

// formFaults are faults in how the signer's staple is encoded.
func formFaults() []Fault {
	form := func(form ca.Form) func(*scenario) {
		return staple(ca.Signer, func(s *ca.Staple) { s.Form = form })
	}
	delegated := func(enclosed ...ca.Role) func(*scenario) {
		return staple(ca.Signer, func(s *ca.Staple) { s.Responder, s.Form.Enclosed = ca.Delegate, enclosed })
	}
	return []Fault{
		printed("ocsp=no-certificates", "the staple's list of enclosed certificates is empty", form(ca.Form{Enclosed: []ca.Role{}})),
		printed("ocsp=version", "the staple's version, v1, is encoded explicitly", form(ca.Form{Version: true})),
		printed("ocsp=utf8-responder", "the responder's name has another string type", form(ca.Form{UTF8: true})),
		printed("ocsp=encloses-issuer", "the issuer signed the staple and encloses its own certificate",
			form(ca.Form{Enclosed: []ca.Role{ca.Intermediate}})),
		printed("ocsp=encloses-others", "the issuer signed the staple; the signer's and an unrelated certificate are enclosed",
			form(ca.Form{Enclosed: []ca.Role{ca.Signer, ca.Stranger}})),
		printed("ocsp=delegate-last", "an authorized responder signed the staple; its certificate is enclosed last",
			delegated(ca.Stranger, ca.Signer, ca.Intermediate, ca.Delegate)),
		refused("ocsp=delegate-left-out", "an authorized responder signed the staple; its certificate is not enclosed", "responder not enclosed",
			delegated(ca.Stranger, ca.Signer, ca.Intermediate)),
		printed("ocsp=two-certificates", "the staple says good about another certificate, and then about the signer's",
			staple(ca.Signer, func(s *ca.Staple) {
				second := *s
				s.About, s.NamedAfter, s.Second = ca.Sibling, ca.Signer, &second
			})),
	}
}

// responderFaults are faults in who signed the signer's staple.
func responderFaults() []Fault {
	return []Fault{
		refused("ocsp=bad-signature", "one bit of the signature is flipped", "staple signature",
			stapleDER(func(der []byte) []byte { der[len(der)-1] ^= 1; return der })),
		refused("ocsp=sha1-signature", "the issuer signed the staple with SHA-1", "staple signature",
			staple(ca.Signer, func(s *ca.Staple) { s.Algorithm = x509.SHA1WithRSA })),
		refused("ocsp=stranger", "an unrelated CA signed the staple", "staple signature", signedBy(ca.Stranger, false)),
		refused("ocsp=stranger-embedded", "an unrelated CA signed the staple and encloses its own certificate", "responder not issued by the issuer",
			signedBy(ca.Stranger, true)),
		refused("ocsp=sibling", "another certificate of the issuer, without OCSPSigning, signed the staple", "responder without OCSPSigning",
			signedBy(ca.Sibling, true)),
		refused("ocsp=leaf", "the signer signed its own staple", "responder without OCSPSigning", signedBy(ca.Signer, true)),
		printed("ocsp=delegate", "the staple is signed by an authorized responder: the issuer issued it for OCSPSigning",
			signedBy(ca.Delegate, true)),
		refused("ocsp=delegate-expired", "the staple is signed by a responder whose certificate expired an hour ago", "responder expired",
			delegate(func(c *ca.Certificate, now time.Time) { c.Template.NotAfter = now.Add(-time.Hour) })),
		refused("ocsp=delegate-future", "the staple is signed by a responder whose certificate becomes valid in an hour", "responder not yet valid",
			delegate(func(c *ca.Certificate, now time.Time) { c.Template.NotBefore = now.Add(time.Hour) })),
		refused("ocsp=delegate-any-eku", "the staple is signed by a responder with anyExtendedKeyUsage instead of OCSPSigning", "responder without OCSPSigning",
			delegate(func(c *ca.Certificate, _ time.Time) {
				c.Template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
			})),
		refused("ocsp=delegate-not-direct", "the staple is signed by a responder that a CA below the issuer issued", "responder not issued by the issuer",
			delegate(func(c *ca.Certificate, _ time.Time) { c.Issuer = ca.Subordinate })),
		refused("ocsp=delegate-other-ca", "the staple is signed by a responder that the root above the issuer issued", "responder not issued by the issuer",
			delegate(func(c *ca.Certificate, _ time.Time) { c.Issuer = ca.Root })),
		refused("ocsp=delegate-stranger", "the staple is signed by a responder that an unrelated CA issued", "responder not issued by the issuer",
			delegate(func(c *ca.Certificate, _ time.Time) { c.Issuer = ca.Stranger })),
	}
}

// listingFaults are faults in the list of staples and their names.
func listingFaults() []Fault {
	return []Fault{
		refused("ocsp=missing", "the signer's staple is missing", "no staple for the signer", without(ca.Signer)),
		refused("ocsp=missing-intermediate", "the intermediate's staple is missing", "no staple for the intermediate",
			without(ca.Intermediate)),
		printed("ocsp=missing-cross", "the cross-signed root's staple is missing; the path to the newer root does not need it",
			without(ca.Cross)),
		refused("ocsp=none", "the list of staples is empty", "no staple for the signer",
			func(w *scenario) { w.plan.Staples = nil }),
		refused("ocsp=unserved", "the signer's staple is listed, but not found (404)", "no staple for the signer",
			staple(ca.Signer, func(s *ca.Staple) { s.Unserved = true })),
		printed("ocsp=swapped", "the staples of the signer and the intermediate have each other's names",
			func(w *scenario) {
				w.staple(ca.Signer).NamedAfter = ca.Intermediate
				w.staple(ca.Intermediate).NamedAfter = ca.Signer
			}),
		printed("ocsp=sha256-names", "staples are named by SHA-256",
			named(func(c *x509.Certificate) string { return fmt.Sprintf("%X", sha256.Sum256(c.Raw)) })),
		printed("ocsp=lower-case-names", "staples are named in lower case",
			named(func(c *x509.Certificate) string { return strings.ToLower(ca.Fingerprint(c)) })),
		printed("ocsp=extra", "a good staple for an unrelated certificate is listed too", sibling(func(*ca.Staple) {})),
		printed("ocsp=extra-revoked", "a staple that says that an unrelated certificate is revoked is listed too",
			sibling(func(s *ca.Staple) { s.Status = ocsp.Revoked })),
		printed("ocsp=extra-revoked-stranger", "a staple of an unrelated CA about an unrelated, revoked certificate is listed too",
			sibling(func(s *ca.Staple) { s.Status, s.Responder = ocsp.Revoked, ca.Stranger })),
		printed("ocsp=extra-unserved", "a fourth staple is listed, but not found (404)",
			sibling(func(s *ca.Staple) { s.Unserved = true })),
		printed("ocsp=extra-garbage", "a fourth staple is not base64",
			sibling(func(s *ca.Staple) {
				s.EditText = append(s.EditText, func([]byte) []byte { return []byte("<html>\n") })
			})),
		refused("ocsp=revoked-plus-good", "one staple says that the signer's certificate is good, another that it is revoked", "signer revoked",
			sibling(func(s *ca.Staple) { s.About, s.NamedAfter, s.Status = ca.Signer, ca.Sibling, ocsp.Revoked })),
		printed("ocsp=expired-plus-good", "an expired staple for the signer is listed beside the good one",
			sibling(func(s *ca.Staple) {
				s.About, s.NamedAfter, s.NextUpdate = ca.Signer, ca.Sibling, s.ThisUpdate.Add(time.Second)
			})),
		printed("ocsp=hostile-name", "the list has an extra line \"../../../../user-data\"",
			listing(func(b []byte) []byte { return append(b, "\n../../../../user-data"...) })),
		refused("ocsp=many", "the list has 5,000 extra names", "answer too long",
			listing(func(b []byte) []byte {
				for i := range 5000 {
					b = fmt.Appendf(b, "\n%040X", i)
				}
				return b
			})),
	}
}

// staple returns the planned staple for a certificate. If another fault removed it,
// staple returns one that is not served.
func (w *scenario) staple(about ca.Role) *ca.Staple {
	for _, s := range w.plan.Staples {
		if s.About == about {
			return s
		}
	}
	return new(ca.Staple)
}

func staple(about ca.Role, edit func(*ca.Staple)) func(*scenario) {
	return func(w *scenario) { edit(w.staple(about)) }
}

func stapleDER(edit func([]byte) []byte) func(*scenario) {
	return staple(ca.Signer, func(s *ca.Staple) { s.EditDER = append(s.EditDER, edit) })
}

func signedBy(responder ca.Role, embedded bool) func(*scenario) {
	return staple(ca.Signer, func(s *ca.Staple) { s.Responder, s.Embedded = responder, embedded })
}

// delegate has an authorized responder sign the signer's staple, after edit changed the
// responder's certificate.
func delegate(edit func(c *ca.Certificate, now time.Time)) func(*scenario) {
	return func(w *scenario) {
		edit(w.plan.Certificates[ca.Delegate], w.now)
		signedBy(ca.Delegate, true)(w)
	}
}

// without removes the staple for a certificate.
func without(about ca.Role) func(*scenario) {
	return func(w *scenario) {
		var kept []*ca.Staple
		for _, s := range w.plan.Staples {
			if s.About != about {
				kept = append(kept, s)
			}
		}
		w.plan.Staples = kept
	}
}

func named(name func(*x509.Certificate) string) func(*scenario) {
	return func(w *scenario) {
		for _, s := range w.plan.Staples {
			s.Name = name
		}
	}
}

// sibling adds a staple for the signer's sibling, after edit changed it.
func sibling(edit func(*ca.Staple)) func(*scenario) {
	return func(w *scenario) {
		s := ca.GoodStaple(ca.Sibling, ca.Intermediate, w.now)
		edit(s)
		w.plan.Staples = append(w.plan.Staples, s)
	}
}

func listing(edit func([]byte) []byte) func(*scenario) {
	return func(w *scenario) { w.plan.EditListing = append(w.plan.EditListing, edit) }
}
