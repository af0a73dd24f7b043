package sim

import (
	"crypto/x509"
	"encoding/pem"

	"eic/internal/sim/ca"
)

// chainFaults are those of the served chain above the signer's certificate.
func chainFaults() []Fault { return append(pathFaults(), intermediateFaults()...) }

// pathFaults are those of when the chain is valid, what is in it and where it ends.
func pathFaults() []Fault {
	return []Fault{
		refused("chain=expired", "the intermediate expired an hour ago", "certificate expired", expired(ca.Intermediate)),
		refused("chain=future", "the intermediate becomes valid in an hour", "certificate not yet valid", future(ca.Intermediate)),
		refused("chain=self-signed", "the signer's certificate is signed with its own key", "untrusted chain",
			func(w *world) {
				w.plan.Certificates[ca.Signer].Issuer = ca.Signer
				w.plan.Chain = []ca.Role{ca.Signer}
				w.plan.Staples = []*ca.Staple{ca.GoodStaple(ca.Signer, ca.Signer, w.now)}
			}),
		refused("chain=missing-intermediate", "signer and cross-signed root only", "untrusted chain",
			serve(ca.Signer, ca.Cross)),
		printed("chain=missing-cross", "signer and intermediate only", serve(ca.Signer, ca.Intermediate)),
		printed("chain=with-root", "the self-signed root in place of the cross-signed one",
			serve(ca.Signer, ca.Intermediate, ca.Root)),
		printed("chain=reordered", "the signer first, the others in the wrong order",
			serve(ca.Signer, ca.Cross, ca.Intermediate)),
		printed("chain=extra", "a certificate more that belongs to nothing",
			serve(ca.Signer, ca.Intermediate, ca.Cross, ca.Stranger)),
		printed("chain=doubled", "the intermediate twice",
			serve(ca.Signer, ca.Intermediate, ca.Intermediate, ca.Cross)),
		refused("chain=leaf-not-first", "the intermediate comes before the signer", "signer name",
			serve(ca.Intermediate, ca.Signer, ca.Cross)),
		printed("chain=deeper", "another CA stands between intermediate and signer",
			func(w *world) {
				w.plan.Certificates[ca.Intermediate].Template.MaxPathLen = -1
				belowSubordinate(w)
			}),
		refused("chain=pathlen", "another CA stands between, which the intermediate's path length forbids", "untrusted chain",
			belowSubordinate),
		refused("chain=stranger-root", "everything is good, below a root that nobody trusts", "untrusted chain",
			belowStranger),
		refused("chain=namesake-root", "everything is good, below a root that only has the trusted one's name", "untrusted chain",
			func(w *world) {
				w.plan.Certificates[ca.Stranger].Template.Subject = w.plan.Certificates[ca.Root].Template.Subject
				belowStranger(w)
			}),
	}
}

// intermediateFaults are those of what the intermediate says, and how it is written.
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
		refused("chain=name-constraint-noncritical", "the intermediate may issue for example.com only, which need not be understood", "untrusted chain",
			intermediate(func(t *x509.Certificate) { t.PermittedDNSDomains = []string{"example.com"} })),
		printed("chain=name-constraint-permits", "the intermediate may issue for the signer's domain, which need not be understood",
			func(w *world) {
				w.plan.Certificates[ca.Intermediate].Template.PermittedDNSDomains = []string{w.options.Domain}
			}),
		printed("chain=unreadable-extra", "a PEM block more at the end is no certificate",
			chainText(func(text []byte) []byte { return append(text, pemBlock("CERTIFICATE", []byte("not a certificate"))...) })),
		refused("chain=unknown-critical", "the intermediate has a critical extension that nobody knows", "critical extension",
			intermediate(func(t *x509.Certificate) { t.ExtraExtensions = unknownCritical() })),
		refused("chain=sha1", "the intermediate is signed with SHA-1", "untrusted chain",
			intermediate(func(t *x509.Certificate) { t.SignatureAlgorithm = x509.SHA1WithRSA })),
		refused("chain=small-key", "the intermediate's key is RSA of 1024 bits", "intermediate key",
			func(w *world) { w.plan.Certificates[ca.Intermediate].Key.Kind = ca.RSA1024 }),
		refused("chain=garbage", "what is served is not PEM", "malformed chain",
			chainText(func([]byte) []byte { return []byte("no certificate here\n") })),
		refused("chain=bad-der", "what is in the first PEM block is not a certificate", "malformed chain",
			chainText(func(text []byte) []byte {
				return append(pemBlock("CERTIFICATE", []byte("not a certificate")), text...)
			})),
		refused("chain=trailing-data", "the first certificate's DER has octets behind it", "malformed chain",
			chainText(trailingDER)),
		refused("chain=empty", "the chain is empty", "malformed chain",
			chainText(func([]byte) []byte { return nil })),
		refused("chain=private-key-block", "a PEM block says that it is a private key", "malformed chain",
			chainText(func(text []byte) []byte {
				return append(text, pemBlock("PRIVATE KEY", []byte("not a key either"))...)
			})),
	}
}

// serve changes which certificates are served, and in which order.
func serve(roles ...ca.Role) func(*world) {
	return func(w *world) { w.plan.Chain = roles }
}

func intermediate(edit func(*x509.Certificate)) func(*world) {
	return template(ca.Intermediate, edit)
}

func chainText(edit func([]byte) []byte) func(*world) {
	return func(w *world) { w.plan.EditChain = append(w.plan.EditChain, edit) }
}

// belowSubordinate has the signer issued by a CA below the intermediate.
func belowSubordinate(w *world) {
	w.plan.Certificates[ca.Signer].Issuer = ca.Subordinate
	w.plan.Chain = []ca.Role{ca.Signer, ca.Subordinate, ca.Intermediate, ca.Cross}
	w.plan.Staples = append([]*ca.Staple{
		ca.GoodStaple(ca.Signer, ca.Subordinate, w.now),
		ca.GoodStaple(ca.Subordinate, ca.Intermediate, w.now),
	}, w.plan.Staples[1:]...)
}

// belowStranger hangs everything below a root that is not among the anchors.
func belowStranger(w *world) {
	w.plan.Certificates[ca.Intermediate].Issuer = ca.Stranger
	w.plan.Chain = []ca.Role{ca.Signer, ca.Intermediate, ca.Stranger}
	w.plan.Staples = []*ca.Staple{
		w.plan.Staples[0],
		ca.GoodStaple(ca.Intermediate, ca.Stranger, w.now),
		ca.GoodStaple(ca.Stranger, ca.Stranger, w.now),
	}
}

// trailingDER puts two octets behind the DER in the first PEM block.
func trailingDER(text []byte) []byte {
	block, rest := pem.Decode(text)
	return append(pemBlock(block.Type, append(block.Bytes, 0x05, 0x00)), rest...)
}

func pemBlock(kind string, content []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})
}
