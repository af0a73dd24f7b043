package trust

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"testing"

	"github.com/stretchr/testify/require"
)

// Forms that the CA/Browser Forum's rules allow must be accepted. Forms that
// openssl-verify(1) refuses with -x509_strict must be refused. A case without a reason is
// accepted.
func TestProfileOfCertificates(t *testing.T) {
	for _, test := range []attack{
		// Name constraints that are not marked critical.
		{name: "issuer permits the name", before: constrainedTo("amazonaws.com", false)},
		{name: "issuer does not permit the name", reason: "constraints do not permit the name", before: constrainedTo("example.com", false)},
		{name: "issuer excludes the name", reason: "constraints exclude the name", before: func(w *world) {
			w.middle.template.ExcludedDNSDomains = []string{"amazonaws.com"}
		}},
		{name: "issuer does not permit the alternative name", reason: "not permitted by any constraint", before: func(w *world) {
			constrainedTo("amazonaws.com", false)(w)
			w.signer.template.DNSNames = []string{"example.com"}
		}},
		{name: "issuer constrains email addresses only", before: func(w *world) {
			w.middle.template.PermittedEmailAddresses = []string{"example.com"}
		}},
		{name: "issuer has an unsupported directory name constraint", reason: "name constraints have the unsupported type [4]",
			before: withNameConstraints(0xA0, 4, 0x30, 2, 0xA4, 0)},
		{name: "issuer has a name constraint with a minimum", reason: "parsing its name constraints",
			before: withNameConstraints(0xA1, 10, 0x30, 8, 0x82, 3, 'a', '.', 'b', 0x80, 1, 1)},

		// Flaws that only a strict parser finds.
		{name: "empty list of alternative names", reason: "list of subject alternative names is empty", before: withExtension(oidSubjectAltName, 0x30, 0)},
		{name: "path length without a CA", reason: "has a path length", before: withExtension(oidBasicConstraints, 0x30, 3, 2, 1, 0)},
		{name: "CRL signer without a subject", reason: "may sign revocation lists without a subject", before: func(w *world) {
			w.signer.template.Subject = pkix.Name{}
			w.signer.template.DNSNames = []string{signerName(testRegion, testDomain)}
			w.signer.template.KeyUsage |= x509.KeyUsageCRLSign
		}},
		{name: "CRL signer with a subject", before: func(w *world) { w.signer.template.KeyUsage |= x509.KeyUsageCRLSign }},
		{name: "proxy certificate", reason: "proxy certificate", before: withExtension(oidProxyCertInfo, 0x30, 0)},
		{name: "Netscape certificate type", before: withExtension(oidNetscapeCertType, 3, 2, 6, 0x40)},
		{name: "malformed Netscape certificate type", reason: "parsing its Netscape certificate type", before: withExtension(oidNetscapeCertType, 4, 1, 0)},
		{name: "IP address blocks", reason: "RFC 3779", before: withExtension(oidIPAddressBlocks, 4, 1, 0)},
		{name: "AS numbers", reason: "RFC 3779", before: withExtension(oidASNumbers, 4, 1, 0)},

		// Certificates that cannot be parsed.
		{name: "unparsable certificate after the issuers", after: func(w *world) { w.evidence.Chain = append(w.evidence.Chain, unreadable()...) }},
		{name: "unparsable certificate before the issuer", after: func(w *world) {
			w.evidence.Chain = bytes.Join([][]byte{toPEM(w.signer.cert), unreadable(), toPEM(w.middle.cert)}, nil)
		}},
		{name: "unparsable certificate in place of the issuer", reason: "ignoring certificate 2 of the chain", after: func(w *world) {
			w.evidence.Chain = append(toPEM(w.signer.cert), unreadable()...)
		}},
		{name: "unparsable certificate in place of the signer", reason: "parsing the signer's certificate", after: func(w *world) {
			w.evidence.Chain = append(unreadable(), w.evidence.Chain...)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			w.apply(t, test.before, test.after)
			_, err := w.verify()
			if test.reason == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.reason)
		})
	}
}

func constrainedTo(domain string, critical bool) func(*world) {
	return func(w *world) {
		w.middle.template.PermittedDNSDomains = []string{domain}
		w.middle.template.PermittedDNSDomainsCritical = critical
	}
}

func withNameConstraints(content ...byte) func(*world) {
	return func(w *world) {
		value := append([]byte{0x30, byte(len(content))}, content...)
		w.middle.template.ExtraExtensions = []pkix.Extension{{Id: oidNameConstraints, Value: value}}
	}
}

func withExtension(id asn1.ObjectIdentifier, value ...byte) func(*world) {
	return func(w *world) { w.signer.template.ExtraExtensions = []pkix.Extension{{Id: id, Value: value}} }
}

func unreadable() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{0x30, 0}})
}
