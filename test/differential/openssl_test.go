package differential

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"eic/test/openssl"
)

// program is openssl, given the parts of one set of evidence as files in a directory. It
// answers only questions of cryptography; the other rules are implemented here again, as
// plainly as possible.
type program struct {
	ctx context.Context
	dir string
}

// run runs the program and returns its output and whether its status is 0. The error is that
// it could not be run.
func (o program) run(args ...string) (string, bool, error) {
	return openssl.Ask(o.ctx, o.dir, args...)
}

func (o program) write(name string, content []byte) error {
	return os.WriteFile(filepath.Join(o.dir, name), content, 0o600)
}

// strict returns the arguments for openssl's strictest verification: the rules of RFC 5280,
// and at least 112 bits of security for keys and hashes. A trust anchor need not be
// self-signed.
func strict(anchors, others string) []string {
	return []string{"-x509_strict", "-auth_level", "2", "-partial_chain", "-CAfile", anchors, "-no-CApath", "-no-CAstore", others}
}

// found is openssl's result for a chain: the number of certificates in the path and the
// subject of its first one, or the reason for refusal.
type found struct {
	depth           int
	subject, reason string
}

// verify looks for a path from the first served certificate to one of the anchors.
func (o program) verify(anchors []*x509.Certificate, chain []byte) (found, error) {
	if err := errors.Join(o.write("anchors.pem", openssl.PEM(anchors...)), o.write("chain.pem", chain)); err != nil {
		return found{}, err
	}
	args := append([]string{"verify", "-show_chain", "-nameopt", "sname,utf8,esc_2253,esc_ctrl,esc_msb,sep_comma_plus_space"},
		strict("anchors.pem", "-untrusted")...)
	out, ok, err := o.run(append(args, "chain.pem", "chain.pem")...)
	if err != nil || !ok {
		return found{reason: "verify: " + firstReason(out)}, err
	}
	_, rest, _ := strings.Cut(out, "depth=0: ")
	subject, _, _ := strings.Cut(rest, "\n")
	return found{depth: strings.Count(out, "depth="), subject: strings.TrimSuffix(subject, " (untrusted)")}, nil
}

var reasonLine = regexp.MustCompile(`(?m)^(?:error \d+ at \d+ depth lookup: (.*)|(Could not (?:open|read|find).*))$`)

func firstReason(out string) string {
	match := reasonLine.FindStringSubmatch(out)
	if match == nil {
		return "no reason given"
	}
	return match[1] + match[2]
}

// names reports whether the first served certificate, with a given subject, has a name: as its
// only common name or, without a common name, as an alternative name.
func (o program) names(subject, want string) (bool, error) {
	names := commonNames(subject)
	if len(names) != 0 {
		return slices.Equal(names, []string{want}), nil
	}
	out, ok, err := o.run("x509", "-in", "chain.pem", "-noout", "-ext", "subjectAltName")
	if err != nil || !ok {
		return false, err
	}
	return regexp.MustCompile(`(?m)(^ *|, )DNS:` + regexp.QuoteMeta(want) + `(,|$)`).MatchString(out), nil
}

// commonNames returns the common names in a subject as openssl prints it. Attributes are joined
// by ", " and " + ", with a backslash before such octets within a value.
func commonNames(subject string) []string {
	var names []string
	for start, i := 0, 0; i <= len(subject); i++ {
		switch {
		case i < len(subject) && subject[i] == '\\':
			i++
		case i == len(subject) || subject[i] == ',' || subject[i] == '+':
			if name, ok := strings.CutPrefix(strings.TrimSpace(subject[start:i]), "CN="); ok {
				names = append(names, name)
			}
			start = i + 1
		}
	}
	return names
}

// voucher is the status of one certificate in a staple with a valid signature.
type voucher struct{ good, revoked bool }

// staple returns the status in a staple of each certificate of a chain except the last.
func (o program) staple(text []byte, chain []*x509.Certificate) ([]voucher, error) {
	vouchers := make([]voucher, len(chain)-1)
	der, err := base64.StdEncoding.DecodeString(string(bytes.ReplaceAll(text, []byte("\n"), nil)))
	if err != nil {
		return vouchers, nil
	}
	if err := errors.Join(o.write("staple.der", der), o.write("anchor.pem", openssl.PEM(chain[len(chain)-1])),
		o.write("issuers.pem", openssl.PEM(chain...))); err != nil {
		return nil, err
	}
	args := append([]string{"ocsp", "-respin", "staple.der", "-no_nonce"}, strict("anchor.pem", "-verify_other")...)
	args = append(args, "issuers.pem")
	for i, c := range chain {
		if err := o.write(fmt.Sprintf("c%d.pem", i), openssl.PEM(c)); err != nil {
			return nil, err
		}
	}
	// openssl finds a status only with the hash algorithm of its CertID.
	for _, hash := range []string{"-sha1", "-sha256", "-sha384", "-sha512"} {
		args = append(args, hash)
		for i := range vouchers {
			args = append(args, "-issuer", fmt.Sprintf("c%d.pem", i+1), "-cert", fmt.Sprintf("c%d.pem", i))
		}
	}
	out, _, err := o.run(args...)
	if err != nil || !strings.Contains(out, "Response verify OK") {
		return vouchers, err
	}
	readVouchers(out, vouchers)
	return vouchers, nil
}

// readVouchers adds the statuses that openssl ocsp printed. Each one begins with a line
// "FILE: STATUS"; the lines after it belong to it.
func readVouchers(out string, vouchers []voucher) {
	for _, answer := range strings.Split(out, "\nc")[1:] {
		var i int
		var says string
		if n, _ := fmt.Sscanf(answer, "%d.pem: %s", &i, &says); n != 2 || i >= len(vouchers) {
			continue
		}
		current := !strings.Contains(answer, "Status times invalid") && strings.Contains(answer, "Next Update:")
		vouchers[i].good = vouchers[i].good || says == "good" && current
		vouchers[i].revoked = vouchers[i].revoked || says == "revoked"
	}
}

// vouched returns "" if the staples say good for each certificate of a chain except the last,
// and no staple says revoked. Otherwise it returns the reason.
func (o program) vouched(staples [][]byte, chain []*x509.Certificate) (string, error) {
	good := make([]bool, len(chain)-1)
	for _, text := range staples {
		vouchers, err := o.staple(text, chain)
		if err != nil {
			return "", err
		}
		for i, v := range vouchers {
			if v.revoked {
				return fmt.Sprintf("ocsp: certificate %d is revoked", i), nil
			}
			good[i] = good[i] || v.good
		}
	}
	if i := slices.Index(good, false); i >= 0 {
		return fmt.Sprintf("ocsp: no staple says good about certificate %d", i), nil
	}
	return "", nil
}

// signed reports whether a signature over a text is the signer's.
func (o program) signed(signer *x509.Certificate, text, signature []byte) (bool, error) {
	key := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: signer.RawSubjectPublicKeyInfo})
	if err := errors.Join(o.write("key.pem", key), o.write("text", text), o.write("signature", signature)); err != nil {
		return false, err
	}
	out, ok, err := o.run("dgst", "-sha256", "-verify", "key.pem", "-sigopt", "rsa_padding_mode:pss",
		"-sigopt", "rsa_pss_saltlen:32", "-sigopt", "rsa_mgf1_md:sha256", "-signature", "signature", "text")
	return ok && strings.Contains(out, "Verified OK"), err
}
