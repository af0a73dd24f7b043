package trust

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
)

// AmazonDomain is the domain of the partitions whose signer chains to Amazon Trust
// Services.
const AmazonDomain = "amazonaws.com"

// Domains returns the domains of the AWS partitions that have EC2 Instance Connect. These
// are the values that the metadata service may serve at services/domain.
func Domains() []string {
	return []string{
		AmazonDomain,
		"amazonaws.com.cn",
		"amazonaws.eu",
		"c2s.ic.gov",
		"sc2s.sgov.gov",
		"cloud.adc-e.uk",
		"csp.hci.ic.gov",
	}
}

// Partitions returns the names of the AWS partitions whose domains are in Domains.
func Partitions() []string {
	return []string{"aws", "aws-us-gov", "aws-cn", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"}
}

// PartitionDomain returns the domain of an AWS partition, or "" if the partition is
// unknown. Partitions aws and aws-us-gov share one domain.
func PartitionDomain(partition string) string {
	return map[string]string{
		"aws":        AmazonDomain,
		"aws-us-gov": AmazonDomain,
		"aws-cn":     "amazonaws.com.cn",
		"aws-eusc":   "amazonaws.eu",
		"aws-iso":    "c2s.ic.gov",
		"aws-iso-b":  "sc2s.sgov.gov",
		"aws-iso-e":  "cloud.adc-e.uk",
		"aws-iso-f":  "csp.hci.ic.gov",
	}[partition]
}

// signerName returns the name of the signer's certificate in a Region.
func signerName(region, domain string) string {
	return "managed-ssh-signer." + region + "." + domain
}

// Characters that names of Regions, zones and domains are made of.
const (
	lowerCase = "abcdefghijklmnopqrstuvwxyz"
	digits    = "0123456789"
)

// maxRegion is the longest Region name accepted, in bytes.
const maxRegion = 32

// ValidRegion reports whether s has the form of a Region name: at least two lower-case
// words and a number of one or two digits, joined by hyphens, such as "us-east-1" or
// "us-gov-west-1".
func ValidRegion(s string) bool {
	words := strings.Split(s, "-")
	last := len(words) - 1
	if len(s) > maxRegion || last < 2 {
		return false
	}
	for _, word := range words[:last] {
		if word == "" || strings.Trim(word, lowerCase) != "" {
			return false
		}
	}
	number := words[last]
	return len(number) >= 1 && len(number) <= 2 && strings.Trim(number, digits) == ""
}

// RegionOfZone returns the Region of an Availability Zone, Local Zone or Wavelength Zone:
// the zone's name up to the first number. It returns false if that is not a valid Region
// name.
func RegionOfZone(zone string) (string, bool) {
	if len(zone) > 2*maxRegion {
		return "", false
	}
	after := strings.TrimLeft(strings.TrimLeft(zone, lowerCase+"-"), digits)
	region := strings.TrimSuffix(zone, after)
	if !ValidRegion(region) || strings.Trim(after, lowerCase+digits+"-") != "" {
		return "", false
	}
	return region, true
}

// ValidDomain reports whether s has the form of a DNS domain name in lower case with at
// least two labels.
func ValidDomain(s string) bool {
	labels := strings.Split(s, ".")
	if len(s) > 253 || len(labels) < 2 {
		return false
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, lowerCase+digits+"-") != "" {
			return false
		}
	}
	return true
}

var oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}

// checkName accepts a certificate whose only common name is want. It also accepts a
// certificate without a common name if want is one of its DNS subject alternative names.
// Names are compared byte for byte: no case folding, no wildcards.
func checkName(c *x509.Certificate, want string) error {
	var names []any
	for _, attribute := range c.Subject.Names {
		if attribute.Type.Equal(oidCommonName) {
			names = append(names, attribute.Value)
		}
	}
	switch len(names) {
	case 0:
		if slices.Contains(c.DNSNames, want) {
			return nil
		}
		return fmt.Errorf("the signer certificate has no common name and none of its DNS names is %q (they are %.200q)", want, c.DNSNames)
	case 1:
		if names[0] == want {
			return nil
		}
		return fmt.Errorf("the signer certificate is named %.200q, expected %q", fmt.Sprint(names[0]), want)
	default:
		return fmt.Errorf("the signer certificate has %d common names, expected one, %q", len(names), want)
	}
}
