package trust

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
)

var (
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidSubjectKeyID     = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidSubjectAltName   = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidNameConstraints  = asn1.ObjectIdentifier{2, 5, 29, 30}
	oidAuthorityKeyID   = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidProxyCertInfo    = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 14}
	oidIPAddressBlocks  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 7}
	oidASNumbers        = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 8}
	oidNetscapeCertType = asn1.ObjectIdentifier{2, 16, 840, 1, 113730, 1, 1}
)

// checkProfile applies those rules of RFC 5280 to a path that crypto/x509 leaves to its
// caller. Audited certificate authorities follow them; an attacker's certificate that
// exploits a lenient parser may not. The trust anchor is the administrator's choice, so
// only its name, key and name constraints count (section 6.1.1 d).
func checkProfile(chain []*x509.Certificate) error {
	anchor := len(chain) - 1
	if anchor < 1 {
		return errors.New("the certificate is itself a trust anchor, expected one that an anchor issued")
	}
	for i, c := range chain[:anchor] {
		if err := checkCertificate(c, chain[i+1]); err != nil {
			return fmt.Errorf("certificate %s: %w", describe(c), err)
		}
		if i == 0 && !c.IsCA {
			continue
		}
		if err := checkAuthority(c); err != nil {
			return fmt.Errorf("issuer %s: %w", describe(c), err)
		}
	}
	if c := chain[anchor]; !usableKey(c) {
		return fmt.Errorf("trust anchor %s: its key is too weak or of an unsupported type (%s)", describe(c), c.PublicKeyAlgorithm)
	}
	return checkNameConstraints(chain)
}

// checkCertificate checks what RFC 5280 section 4 requires of every certificate that an
// issuer issued.
func checkCertificate(c, issuer *x509.Certificate) error {
	switch {
	case c.Version != 3:
		return fmt.Errorf("version %d, expected 3", c.Version)
	case isEmptyName(c.RawIssuer):
		return errors.New("no issuer name")
	case criticality(c, oidAuthorityKeyID) == critical, criticality(c, oidSubjectKeyID) == critical:
		return errors.New("a key identifier is marked critical")
	case !c.IsCA && c.KeyUsage&x509.KeyUsageCertSign != 0:
		return errors.New("may sign certificates without being a certificate authority")
	case !c.IsCA && c.BasicConstraintsValid && c.MaxPathLen >= 0:
		return errors.New("has a path length without being a certificate authority")
	}
	if err := checkSubject(c); err != nil {
		return err
	}
	if err := checkForeignExtensions(c); err != nil {
		return err
	}
	if _, err := readCanonical[certificate](c.Raw); err != nil {
		return err
	}
	if err := checkAlternativeNames(c); err != nil {
		return err
	}
	return checkKeyID(c, issuer)
}

// checkSubject accepts a certificate without a subject only if its alternative names are
// critical and its key usage does not allow signing revocation lists (RFC 5280 sections
// 4.1.2.6 and 4.2.1.6).
func checkSubject(c *x509.Certificate) error {
	switch {
	case !isEmptyName(c.RawSubject):
		return nil
	case criticality(c, oidSubjectAltName) != critical:
		return errors.New("neither a subject nor a critical subject alternative name")
	case c.KeyUsage&x509.KeyUsageCRLSign != 0:
		return errors.New("may sign revocation lists without a subject")
	}
	return nil
}

// checkAuthority checks what RFC 5280 section 4.2.1 requires of issuers.
func checkAuthority(c *x509.Certificate) error {
	switch {
	case !c.BasicConstraintsValid || !c.IsCA || criticality(c, oidBasicConstraints) != critical:
		return errors.New("no critical basic constraints that make it a certificate authority")
	case c.KeyUsage&x509.KeyUsageCertSign == 0:
		return errors.New("its key usage does not allow signing certificates")
	case len(c.SubjectKeyId) == 0:
		return errors.New("no subject key identifier")
	case isEmptyName(c.RawSubject):
		return errors.New("no subject")
	case !usableKey(c):
		return fmt.Errorf("its key is too weak or of an unsupported type (%s)", c.PublicKeyAlgorithm)
	}
	return nil
}

// emptyName is the DER of a distinguished name without attributes.
var emptyName = []byte{0x30, 0x00}

func isEmptyName(der []byte) bool { return bytes.Equal(der, emptyName) }

type presence int

const (
	absent presence = iota
	present
	critical
)

func criticality(c *x509.Certificate, id asn1.ObjectIdentifier) presence {
	for _, extension := range c.Extensions {
		if extension.Id.Equal(id) {
			if extension.Critical {
				return critical
			}
			return present
		}
	}
	return absent
}

// checkAlternativeNames accepts a non-empty list of subject alternative names of the
// types that RFC 5280 section 4.2.1.6 defines. crypto/x509 ignores other types.
func checkAlternativeNames(c *x509.Certificate) error {
	value, found := extension(c, oidSubjectAltName)
	if !found {
		return nil
	}
	names, err := readCanonical[[]asn1.RawValue](value)
	if err != nil {
		return fmt.Errorf("parsing its subject alternative names: %w", err)
	}
	if len(*names) == 0 {
		return errors.New("its list of subject alternative names is empty")
	}
	for _, name := range *names {
		structured := name.Tag == 0 || name.Tag >= 3 && name.Tag <= 5
		if name.Class != asn1.ClassContextSpecific || name.Tag > 8 || name.IsCompound != structured {
			return errors.New("unknown type of subject alternative name")
		}
	}
	return nil
}

// checkForeignExtensions refuses certificates made for another purpose than naming a
// server or a certificate authority, whether or not the extension is critical.
func checkForeignExtensions(c *x509.Certificate) error {
	for _, e := range c.Extensions {
		switch {
		case e.Id.Equal(oidProxyCertInfo):
			return errors.New("it is a proxy certificate (RFC 3820)")
		case e.Id.Equal(oidIPAddressBlocks), e.Id.Equal(oidASNumbers):
			return errors.New("it certifies IP address blocks or AS numbers (RFC 3779)")
		case e.Id.Equal(oidNetscapeCertType):
			if _, err := readCanonical[asn1.BitString](e.Value); err != nil {
				return fmt.Errorf("parsing its Netscape certificate type: %w", err)
			}
		}
	}
	return nil
}

// extension returns the value of a certificate's extension.
func extension(c *x509.Certificate, id asn1.ObjectIdentifier) (value []byte, found bool) {
	for _, e := range c.Extensions {
		if e.Id.Equal(id) {
			return e.Value, true
		}
	}
	return nil, false
}

// checkKeyID accepts an authority key identifier that matches the issuer. Besides a key
// identifier it may hold the name and serial number of the issuer's certificate, which
// crypto/x509 ignores (RFC 5280 section 4.2.1.1).
func checkKeyID(c, issuer *x509.Certificate) error {
	if value, found := extension(c, oidAuthorityKeyID); found {
		id, err := readCanonical[authorityKeyID](value)
		if err != nil {
			return fmt.Errorf("parsing its authority key identifier: %w", err)
		}
		if id.Serial != nil && id.Serial.Cmp(issuer.SerialNumber) != 0 ||
			len(id.Issuer.Bytes) != 0 && !bytes.Contains(id.Issuer.Bytes, issuer.RawIssuer) {
			return fmt.Errorf("its authority key identifier does not match the issuer %s", describe(issuer))
		}
	}
	switch {
	case len(c.AuthorityKeyId) == 0:
		return errors.New("no authority key identifier")
	case len(issuer.SubjectKeyId) != 0 && !bytes.Equal(c.AuthorityKeyId, issuer.SubjectKeyId):
		return fmt.Errorf("its authority key identifier does not match the subject key identifier of %s", describe(issuer))
	}
	return nil
}
