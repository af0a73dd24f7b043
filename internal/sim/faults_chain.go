package sim

import (
	"crypto/x509"
	"encoding/pem"

	"eic/internal/sim/ca"
)

// chainFaults are the faults in the served chain above the signer's certificate.
func chainFaults() []Fault { return append(pathFaults(), intermediateFaults()...) }

// pathFaults are faults in the chain's validity, its certificates and its root.
func pathFaults() []Fault {
	return []Fault{
		refused("chain=expired", "the intermediate expired an hour ago", "certificate expired", expired(ca.Intermediate)),
		refused("chain=future", "the intermediate becomes valid in an hour", "certificate not yet valid", future(ca.Intermediate)),
		refused("chain=self-signed", "the signer's certificate is signed with its own key", "untrusted chain",
			func(w *scenario) {
				w.plan.Certificates[ca.Signer].Issuer = ca.Signer
				w.plan.Chain = []ca.Role{ca.Signer}
				w.plan.Staples = []*ca.Staple{ca.GoodStaple(ca.Signer, ca.Signer, w.now)}
			}),
		refused("chain=missing-intermediate", "only the signer's certificate and the cross-signed root are served", "untrusted chain",
			serve(ca.Signer, ca.Cross)),
		printed("chain=missing-cross", "only the signer's certificate and the intermediate are served", serve(ca.Signer, ca.Intermediate)),
		printed("chain=with-root", "the self-signed root is served in place of the cross-signed one",
			serve(ca.Signer, ca.Intermediate, ca.Root)),
		printed("chain=reordered", "the signer's certificate comes first, the others in the wrong order",
			serve(ca.Signer, ca.Cross, ca.Intermediate)),
		printed("chain=extra", "an unrelated certificate is served too",
			serve(ca.Signer, ca.Intermediate, ca.Cross, ca.Stranger)),
		printed("chain=doubled", "the intermediate is served twice",
			serve(ca.Signer, ca.Intermediate, ca.Intermediate, ca.Cross)),
		refused("chain=leaf-not-first", "the intermediate comes before the signer's certificate", "signer name",
			serve(ca.Intermediate, ca.Signer, ca.Cross)),
		printed("chain=deeper", "another CA is between the intermediate and the signer",
			func(w *scenario) {
				w.plan.Certificates[ca.Intermediate].Template.MaxPathLen = -1
				belowSubordinate(w)
			}),
		refused("chain=pathlen", "another CA is between them, which the intermediate's path length forbids", "untrusted chain",
			belowSubordinate),
		refused("chain=stranger-root", "the chain is good, but its root is untrusted", "untrusted chain",
			belowStranger),
		refused("chain=namesake-root", "the chain is good, but its root only has the name of a trusted one", "untrusted chain",
			func(w *scenario) {
				w.plan.Certificates[ca.Stranger].Template.Subject = w.plan.Certificates[ca.Root].Template.Subject
				belowStranger(w)
			}),
	}
}

// intermediateFaults are faults in the intermediate's contents and encoding.
func intermediateFaults() []Fault {
	return []Fault{
		refused("chain=not-a-ca", "the intermediate says CA:FALSE", "untrusted chain",
			intermediate(func(t *x509.Certificate) { t.IsCA, t.MaxPathLenZero = false, false })),
		refused("chain=no-cert-sign", "the intermediate's key usage lacks keyCertSign", "untrusted chain",
			intermediate(func(t *x509.Certificate) { t.KeyUsage &^= x509.KeyUsageCertSign })),
		refused("chain=name-constraint", "the intermediate may issue for example.com only", "untrusted chain",
			intermediate(func(t *x509.Certificate) {
				t.PermittedDNSDomains, t.PermittedDNSDomainsCritical = []string{"example.com"}, true
			})),
		refused("chain=name-constraint-noncritical", "the intermediate may issue for example.com only; the constraint is not critical", "untrusted chain",
			intermediate(func(t *x509.Certificate) { t.PermittedDNSDomains = []string{"example.com"} })),
		printed("chain=name-constraint-permits", "the intermediate may issue for the signer's domain; the constraint is not critical",
			func(w *scenario) {
				w.plan.Certificates[ca.Intermediate].Template.PermittedDNSDomains = []string{w.options.Domain}
			}),
		printed("chain=unreadable-extra", "an extra PEM block at the end is not a certificate",
			chainText(func(text []byte) []byte { return append(text, pemBlock("CERTIFICATE", []byte("not a certificate"))...) })),
		refused("chain=unknown-critical", "the intermediate has an unknown critical extension", "critical extension",
			intermediate(func(t *x509.Certificate) { t.ExtraExtensions = unknownCritical() })),
		refused("chain=sha1", "the intermediate is signed with SHA-1", "untrusted chain",
			intermediate(func(t *x509.Certificate) { t.SignatureAlgorithm = x509.SHA1WithRSA })),
		refused("chain=small-key", "the intermediate's key is RSA with 1024 bits", "intermediate key",
			func(w *scenario) { w.plan.Certificates[ca.Intermediate].Key.Kind = ca.RSA1024 }),
		refused("chain=garbage", "the chain is not PEM", "malformed chain",
			chainText(func([]byte) []byte { return []byte("no certificate here\n") })),
		refused("chain=bad-der", "the first PEM block is not a certificate", "malformed chain",
			chainText(func(text []byte) []byte {
				return append(pemBlock("CERTIFICATE", []byte("not a certificate")), text...)
			})),
		refused("chain=trailing-data", "the first certificate's DER is followed by more bytes", "malformed chain",
			chainText(trailingDER)),
		refused("chain=empty", "the chain is empty", "malformed chain",
			chainText(func([]byte) []byte { return nil })),
		refused("chain=private-key-block", "a PEM block is labeled as a private key", "malformed chain",
			chainText(func(text []byte) []byte {
				return append(text, pemBlock("PRIVATE KEY", []byte("not a key either"))...)
			})),
	}
}

// serve changes which certificates are served, and their order.
func serve(roles ...ca.Role) func(*scenario) {
	return func(w *scenario) { w.plan.Chain = roles }
}

func intermediate(edit func(*x509.Certificate)) func(*scenario) {
	return template(ca.Intermediate, edit)
}

func chainText(edit func([]byte) []byte) func(*scenario) {
	return func(w *scenario) { w.plan.EditChain = append(w.plan.EditChain, edit) }
}

// belowSubordinate adds a CA between the intermediate and the signer.
func belowSubordinate(w *scenario) {
	w.plan.Certificates[ca.Signer].Issuer = ca.Subordinate
	w.plan.Chain = []ca.Role{ca.Signer, ca.Subordinate, ca.Intermediate, ca.Cross}
	w.plan.Staples = append([]*ca.Staple{
		ca.GoodStaple(ca.Signer, ca.Subordinate, w.now),
		ca.GoodStaple(ca.Subordinate, ca.Intermediate, w.now),
	}, w.plan.Staples[1:]...)
}

// belowStranger puts the whole chain below a root that is not a trust anchor.
func belowStranger(w *scenario) {
	w.plan.Certificates[ca.Intermediate].Issuer = ca.Stranger
	w.plan.Chain = []ca.Role{ca.Signer, ca.Intermediate, ca.Stranger}
	w.plan.Staples = []*ca.Staple{
		w.plan.Staples[0],
		ca.GoodStaple(ca.Intermediate, ca.Stranger, w.now),
		ca.GoodStaple(ca.Stranger, ca.Stranger, w.now),
	}
}

// trailingDER appends two bytes to the DER in the first PEM block.
func trailingDER(text []byte) []byte {
	block, rest := pem.Decode(text)
	return append(pemBlock(block.Type, append(block.Bytes, 0x05, 0x00)), rest...)
}

func pemBlock(kind string, content []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})
}
