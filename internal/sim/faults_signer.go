package sim

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"time"

	"eic/internal/sim/ca"
)

var commonName = asn1.ObjectIdentifier{2, 5, 4, 3}

// signerFaults are faults in the signer's own certificate. The chain above it and its
// staples are good.
func signerFaults() []Fault {
	return []Fault{
		refused("signer=wrong-cn", "the signer is named ssh-signer.<region>.<domain>", "signer name",
			renamed(func(name string) string { return strings.TrimPrefix(name, "managed-") })),
		refused("signer=wrong-region", "the signer is named for the region eu-west-1", "signer name",
			func(w *scenario) { w.nameSigner("eu-west-1", w.options.Domain) }),
		refused("signer=wrong-domain", "the signer is named for the domain attacker.example", "signer name",
			func(w *scenario) { w.nameSigner(w.options.Region, "attacker.example") }),
		refused("signer=suffix-cn", "the signer's name continues with .attacker.example", "signer name",
			renamed(func(name string) string { return name + ".attacker.example" })),
		refused("signer=nul-cn", "the signer's name continues with a NUL and .attacker.example", "signer name",
			signer(func(t *x509.Certificate) { t.Subject.CommonName += "\x00.attacker.example" })),
		refused("signer=uppercase-cn", "the signer's name is in upper case", "signer name",
			renamed(strings.ToUpper)),
		refused("signer=cn-differs-san-right", "the signer's CN is wrong, and a SAN is right", "signer name",
			signer(func(t *x509.Certificate) { t.Subject.CommonName = "attacker.example" })),
		refused("signer=two-cns", "the signer has the right CN and a second one", "two CNs",
			signer(func(t *x509.Certificate) {
				t.Subject.ExtraNames = []pkix.AttributeTypeAndValue{
					{Type: commonName, Value: t.Subject.CommonName},
					{Type: commonName, Value: "attacker.example"},
				}
			})),
		printed("signer=no-cn-san", "the signer has no subject, and a SAN with the right name",
			signer(func(t *x509.Certificate) { t.Subject = pkix.Name{} })),
		refused("signer=no-cn-wildcard-san", "the signer has no subject, and a wildcard SAN that covers the name", "signer name",
			signer(func(t *x509.Certificate) {
				_, parent, _ := strings.Cut(t.Subject.CommonName, ".")
				t.Subject, t.DNSNames = pkix.Name{}, []string{"*." + parent}
			})),
		refused("signer=no-name", "the signer has neither CN nor SAN", "signer name",
			signer(func(t *x509.Certificate) {
				t.Subject, t.DNSNames = pkix.Name{Organization: []string{"nobody"}}, nil
			})),
		printed("signer=no-san", "the signer has the right CN and no SAN",
			signer(func(t *x509.Certificate) { t.DNSNames = nil })),
		printed("signer=other-eku", "the signer's only extended key usage is code signing",
			signer(func(t *x509.Certificate) { t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} })),
		refused("signer=expired", "the signer's certificate expired an hour ago", "certificate expired", expired(ca.Signer)),
		refused("signer=future", "the signer's certificate becomes valid in an hour", "certificate not yet valid", future(ca.Signer)),
		refused("signer=unknown-critical", "the signer has an unknown critical extension", "critical extension",
			signer(func(t *x509.Certificate) { t.ExtraExtensions = unknownCritical() })),
		refused("signer=small-key", "the signer's key is RSA with 1024 bits", "signer key", signerKey(ca.RSA1024)),
		refused("signer=ec-key", "the signer's key is ECDSA, and signs the pushed keys", "signer key", signerKey(ca.P256)),
		refused("signer=ed25519-key", "the signer's key is Ed25519, and signs the pushed keys", "signer key", signerKey(ca.Ed25519)),
	}
}

// signer edits the template of the signer's certificate.
func signer(edit func(*x509.Certificate)) func(*scenario) { return template(ca.Signer, edit) }

func template(role ca.Role, edit func(*x509.Certificate)) func(*scenario) {
	return func(w *scenario) { edit(&w.plan.Certificates[role].Template) }
}

// renamed changes the name of the signer's certificate.
func renamed(change func(string) string) func(*scenario) {
	return func(w *scenario) {
		w.plan.NameSigner(change(ca.SignerName(w.options.Region, w.options.Domain)))
	}
}

func signerKey(kind ca.Kind) func(*scenario) {
	return func(w *scenario) { w.plan.Certificates[ca.Signer].Key.Kind = kind }
}

func expired(role ca.Role) func(*scenario) {
	return func(w *scenario) { w.plan.Certificates[role].Template.NotAfter = w.now.Add(-time.Hour) }
}

func future(role ca.Role) func(*scenario) {
	return func(w *scenario) { w.plan.Certificates[role].Template.NotBefore = w.now.Add(time.Hour) }
}

// unknownCritical returns a critical extension under an arc that is reserved for
// examples.
func unknownCritical() []pkix.Extension {
	return []pkix.Extension{{
		Id:       asn1.ObjectIdentifier{2, 999, 1},
		Critical: true,
		Value:    []byte{0x05, 0x00},
	}}
}
