package sim_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"eic/internal/sim"
	"eic/internal/sim/ca"
)

// describe writes down everything that a simulator serves, except what differs between
// two good simulators: serial numbers, signatures, request ids and times. Two simulators
// with the same description are alike to every client.
func describe(t *testing.T, s *sim.Sim) string {
	t.Helper()
	r := newReader(t, s)
	var out strings.Builder
	for _, path := range []string{"instance-id", "placement/region", "placement/availability-zone", "services/domain"} {
		status, body := r.get(t, path)
		fmt.Fprintf(&out, "%s: %d %q\n", path, status, body)
	}
	chain := certificates(r.chain(t))
	known := append(certificates(string(s.Roots)), chain...)
	fmt.Fprintf(&out, "chain: %s\n", shape(r.chain(t)))
	for _, cert := range chain {
		out.WriteString("  " + describeCertificate(cert, known) + "\n")
	}
	for _, staple := range r.staples(t) {
		fmt.Fprintf(&out, "staple %s: %s\n", describeName(staple.name, chain), describeStaple(staple, chain, known))
	}
	var signer crypto.PublicKey
	if len(chain) > 0 {
		signer = chain[0].PublicKey
	}
	out.WriteString(describeDocument(r.document(t), signer))
	return out.String()
}

// shape describes the blocks of a PEM text.
func shape(text string) string {
	var kinds []string
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return fmt.Sprintf("%s, then %d octets", strings.Join(kinds, ", "), len(rest))
		}
		_, err := x509.ParseCertificate(block.Bytes)
		kinds = append(kinds, fmt.Sprintf("%s (%v)", block.Type, err))
	}
}

// certificates returns the certificates of a PEM text that can be parsed.
func certificates(text string) []*x509.Certificate {
	var certs []*x509.Certificate
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return certs
		}
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			certs = append(certs, cert)
		}
	}
}

func describeCertificate(c *x509.Certificate, known []*x509.Certificate) string {
	return fmt.Sprintf("%v %q by %q, CA %t %d, usage %v %v, %s %d bits, %s, %s, may issue for %q (critical %t), critical %v, signed by %s",
		c.Subject.Names, c.DNSNames, c.Issuer, c.IsCA, c.MaxPathLen, c.KeyUsage, c.ExtKeyUsage,
		c.PublicKeyAlgorithm, bits(c.PublicKey), c.SignatureAlgorithm, span(c.NotBefore, c.NotAfter),
		c.PermittedDNSDomains, c.PermittedDNSDomainsCritical, c.UnhandledCriticalExtensions,
		whoSigned(known, func(by *x509.Certificate) error {
			return by.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
		}))
}

func bits(key crypto.PublicKey) int {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen()
	case *ecdsa.PublicKey:
		return key.Params().BitSize
	}
	return 0
}

// span describes now in relation to two times.
func span(from, to time.Time) string {
	switch now := time.Now(); {
	case now.Before(from):
		return "not yet valid" + muchOff(from.Sub(now))
	case to.IsZero():
		return "valid forever"
	case now.After(to):
		return "expired" + muchOff(now.Sub(to))
	}
	return "valid"
}

// whoSigned returns the subject of the first certificate whose key verifies the signature.
func whoSigned(known []*x509.Certificate, check func(*x509.Certificate) error) string {
	for _, cert := range known {
		if check(cert) == nil {
			return cert.Subject.String()
		}
	}
	return "nobody known"
}

// describeName says which certificate of the chain a staple is named after.
func describeName(name string, chain []*x509.Certificate) string {
	for i, cert := range chain {
		switch name {
		case ca.Fingerprint(cert):
			return strconv.Itoa(i)
		case strings.ToLower(ca.Fingerprint(cert)):
			return strconv.Itoa(i) + " in lower case"
		}
	}
	return fmt.Sprintf("of %d characters", len(name))
}

func describeStaple(s staple, chain, known []*x509.Certificate) string {
	der, err := base64.StdEncoding.DecodeString(s.text)
	if err != nil {
		return fmt.Sprintf("%d, no base64", s.status)
	}
	lines := strings.Count(s.text, "\n")
	resp, err := ocsp.ParseResponse(der, nil)
	if err != nil {
		return fmt.Sprintf("%d lines, %v, %s", lines, err, formOf(der, chain))
	}
	about := "nothing known"
	for i, cert := range chain {
		if cert.SerialNumber.Cmp(resp.SerialNumber) == 0 {
			about = strconv.Itoa(i)
		}
	}
	out := fmt.Sprintf("%s, %d lines, about %s, %s, issuer %s, status %d, %s, %s, responder %s, signed by %s",
		formOf(der, chain), lines, about, resp.IssuerHash, issuerOf(der, known), resp.Status, span(resp.ThisUpdate, resp.NextUpdate),
		resp.SignatureAlgorithm, responder(resp.RawResponderName), whoSigned(known, resp.CheckSignatureFrom))
	if resp.Certificate != nil {
		out += ", encloses " + describeCertificate(resp.Certificate, known)
	}
	return out
}

func responder(raw []byte) string {
	var name pkix.RDNSequence
	if _, err := asn1.Unmarshal(raw, &name); err != nil {
		return err.Error()
	}
	return name.String()
}

// issuerOf says which known certificates' name and key the hashes in a response belong
// to. muchOff distinguishes small from large differences between clocks.
func muchOff(d time.Duration) string {
	switch {
	case d < 5*time.Minute:
		return ", by little"
	case d < 30*time.Minute:
		return ", by much"
	default:
		return ""
	}
}

// formOf describes the encoding of a response: its version and responder's name, its
// number of statuses and enclosed certificates, and the certificate of the first status.
func formOf(der []byte, chain []*x509.Certificate) string {
	var outer struct {
		Status asn1.Enumerated
		Bytes  struct {
			Type  asn1.ObjectIdentifier
			Basic []byte
		} `asn1:"explicit,tag:0"`
	}
	var basic struct {
		Data         asn1.RawValue
		Algorithm    pkix.AlgorithmIdentifier
		Signature    asn1.BitString
		Certificates asn1.RawValue `asn1:"optional,explicit,tag:0"`
	}
	var data struct {
		Version    asn1.RawValue `asn1:"optional,explicit,tag:0"`
		Responder  asn1.RawValue
		ProducedAt time.Time `asn1:"generalized"`
		Responses  []asn1.RawValue
	}
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return "no response"
	}
	if _, err := asn1.Unmarshal(outer.Bytes.Basic, &basic); err != nil {
		return "no basic response"
	}
	if _, err := asn1.Unmarshal(basic.Data.FullBytes, &data); err != nil {
		return "no data"
	}
	first := "another"
	for i, cert := range chain {
		if bytes.Contains(data.Responses[0].FullBytes, cert.SerialNumber.Bytes()) {
			first = strconv.Itoa(i)
		}
	}
	return fmt.Sprintf("version %x, name in UTF-8 %t, %d statuses, of %s first, %d00 octets of certificates", data.Version.Bytes,
		bytes.Contains(data.Responder.Bytes, []byte{0x55, 4, 3, asn1.TagUTF8String}), len(data.Responses), first, len(basic.Certificates.FullBytes)/100)
}

func issuerOf(der []byte, known []*x509.Certificate) string {
	name, key := "nobody", "nobody"
	for _, cert := range known {
		for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256} {
			// A request for a certificate of that issuer has the same hashes.
			raw, err := ocsp.CreateRequest(&x509.Certificate{SerialNumber: cert.SerialNumber}, cert, &ocsp.RequestOptions{Hash: hash})
			if err != nil {
				continue
			}
			req, err := ocsp.ParseRequest(raw)
			if err != nil {
				continue
			}
			if bytes.Contains(der, req.IssuerNameHash) {
				name = cert.Subject.CommonName
			}
			if bytes.Contains(der, req.IssuerKeyHash) {
				key = cert.Subject.CommonName
			}
		}
	}
	return name + "/" + key
}

var (
	uuid      = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	plainTime = regexp.MustCompile(`(#Timestamp ?= ?)(\d{10})(\r?\n)`)
	signature = regexp.MustCompile(`(?m)(^[A-Za-z0-9+/=!]{40,}\n?)+`)
)

// describeDocument writes down a document, with each signature replaced by what it signs.
func describeDocument(text string, signer crypto.PublicKey) string {
	var out strings.Builder
	for block := range strings.SplitSeq(text, "\n\n") {
		signed := signature.ReplaceAllString(block, "")
		out.WriteString("block " + strconv.Quote(scrub(signed)))
		for _, found := range signature.FindAllString(block, -1) {
			fmt.Fprintf(&out, " %v lines, end %t, %s", strings.Count(found, "\n"), strings.HasSuffix(found, "\n"),
				worth(signer, strings.TrimLeft(signed, "\n"), found))
		}
		out.WriteString("\n")
	}
	return out.String()
}

// scrub replaces the values that differ in every push.
func scrub(text string) string {
	text = uuid.ReplaceAllString(text, "UUID")
	return plainTime.ReplaceAllStringFunc(text, func(line string) string {
		parts := plainTime.FindStringSubmatch(line)
		seconds, _ := strconv.ParseInt(parts[2], 10, 64) // ten digits
		when := "later"
		switch left := time.Until(time.Unix(seconds, 0)); {
		case left < -5*time.Second:
			when = "past"
		case left < time.Second:
			when = "now"
		case left < time.Minute+time.Second:
			when = "soon"
		}
		return parts[1] + when + parts[3]
	})
}

// worth describes the text that a signature signs, and the scheme.
func worth(key crypto.PublicKey, text, encoded string) string {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "no base64"
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return fmt.Sprintf("%d octets for a key that is not RSA", len(raw))
	}
	lines := strings.SplitAfter(text, "\n")
	for _, what := range []struct{ name, text string }{
		{"the text", text},
		{"the key line", lines[max(0, len(lines)-2)]},
		{"the text without its end", strings.TrimSuffix(text, "\n")},
		{"the text of another instance", strings.Replace(text, sim.DefaultInstanceID, "i-0fedcba9876543210", 1)},
	} {
		if how := scheme(public, []byte(what.text), raw); how != "" {
			return "signs " + what.name + " with " + how
		}
	}
	return fmt.Sprintf("%d octets that sign nothing known", len(raw))
}

// scheme returns the scheme under which a signature of a text is valid, if any.
func scheme(key *rsa.PublicKey, text, raw []byte) string {
	for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA1, crypto.SHA384, crypto.SHA512} {
		h := hash.New()
		h.Write(text)
		digest := h.Sum(nil)
		if rsa.VerifyPKCS1v15(key, hash, digest, raw) == nil {
			return "PKCS #1 v1.5 " + hash.String()
		}
		for salt := 1; salt <= key.Size()-hash.Size()-2; salt++ {
			if rsa.VerifyPSS(key, hash, digest, raw, &rsa.PSSOptions{SaltLength: salt}) == nil {
				return fmt.Sprintf("PSS %s, salt %d", hash, salt)
			}
		}
	}
	return ""
}
