package trust

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"strings"
)

// nameConstraints is the extension of RFC 5280 section 4.2.1.10. The RFC forbids its
// minimum and maximum fields, so they are not part of the structure.
type nameConstraints struct {
	Permitted []struct{ Base asn1.RawValue } `asn1:"omitempty,optional,tag:0"`
	Excluded  []struct{ Base asn1.RawValue } `asn1:"omitempty,optional,tag:1"`
}

// Types of GeneralName that crypto/x509 applies name constraints to.
const (
	emailName = 1
	dnsName   = 2
	uriName   = 6
	ipName    = 7
)

// checkNameConstraints applies the issuers' name constraints where crypto/x509 does not,
// whether or not they are marked critical. The CA/Browser Forum's rules allow both.
//
//   - crypto/x509 applies constraints to subject alternative names only. The signer may
//     have none, so constraints on DNS names are applied to its common name here.
//   - crypto/x509 ignores a constraint of another type if it is not critical. Such a
//     constraint is refused here.
func checkNameConstraints(chain []*x509.Certificate) error {
	for _, issuer := range chain[1:] {
		if err := checkConstraintKinds(issuer); err != nil {
			return fmt.Errorf("issuer %s: %w", describe(issuer), err)
		}
	}
	name := chain[0].Subject.CommonName
	if name == "" {
		return nil
	}
	for _, issuer := range chain[1:] {
		for _, excluded := range issuer.ExcludedDNSDomains {
			if withinDomain(name, excluded) {
				return fmt.Errorf("issuer %s: its name constraints exclude the name %q", describe(issuer), name)
			}
		}
		permitted := len(issuer.PermittedDNSDomains) == 0
		for _, domain := range issuer.PermittedDNSDomains {
			permitted = permitted || withinDomain(name, domain)
		}
		if !permitted {
			return fmt.Errorf("issuer %s: its name constraints do not permit the name %q", describe(issuer), name)
		}
	}
	return nil
}

func checkConstraintKinds(issuer *x509.Certificate) error {
	value, found := extension(issuer, oidNameConstraints)
	if !found {
		return nil
	}
	constraints, err := readCanonical[nameConstraints](value)
	if err != nil {
		return fmt.Errorf("parsing its name constraints: %w", err)
	}
	for _, subtree := range append(constraints.Permitted, constraints.Excluded...) {
		switch subtree.Base.Tag {
		case emailName, dnsName, uriName, ipName:
		default:
			return fmt.Errorf("its name constraints have the unsupported type [%d], expected email addresses, DNS names, URIs or IP addresses", subtree.Base.Tag)
		}
	}
	return nil
}

// withinDomain reports whether name equals domain or is a subdomain of it. An empty
// domain contains every name. A domain with a leading dot contains its subdomains only.
func withinDomain(name, domain string) bool {
	name, domain = strings.ToLower(name), strings.ToLower(domain)
	if domain == "" || name == domain {
		return true
	}
	return strings.HasSuffix(name, "."+strings.TrimPrefix(domain, "."))
}
