package differential

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"eic/internal/authorize"
	"eic/internal/lookup"
	"eic/internal/trust"
	"eic/test/openssl"
)

// verdict is the result of verifying one set of evidence: the key lines that may be
// printed, or the reason for refusal.
type verdict struct {
	keys    []string
	reason  string         // why no key at all, if it is the same for all
	reasons map[int]string // by the number of the block's first line
	lines   map[string]int // that number, by key line
}

// ours returns the verdict of the program's own packages.
func (w *world) ours(now time.Time) (verdict, *trust.Signer) {
	evidence := lookup.Evidence{
		Time: now, Instance: w.instance, ActiveKeys: w.document,
		Zone: []byte(w.zone), Domain: []byte(w.domain),
		Signer: trust.SignerEvidence{Chain: w.chain, Staples: w.staples},
	}
	if w.region != nil {
		evidence.Region = []byte(*w.region)
	}
	options := lookup.Options{User: "alice", Anchors: func(string) (*x509.CertPool, error) {
		pool := x509.NewCertPool()
		for _, c := range w.anchors {
			pool.AddCert(c)
		}
		return pool, nil
	}}
	result := lookup.Screen(evidence, options)
	v := verdict{reasons: make(map[int]string), lines: make(map[string]int)}
	err := result.Verify(evidence, options)
	if err != nil {
		v.reason = general(err)
	}
	for _, d := range result.Decisions {
		v.lines[string(d.Entry.Key)] = d.Entry.Line
		switch {
		case d.Reason == authorize.Printed && err == nil:
			v.keys = append(v.keys, string(d.Entry.Key))
		case d.Detail != nil:
			v.reasons[d.Entry.Line] = d.Reason.String() + ": " + general(d.Detail)
		}
	}
	return v, result.Signer
}

var particulars = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[0-9a-fA-F:TZ-]{8,}|\d+|\(possibly because.*`)

// general removes from a reason what is particular to one set of evidence.
func general(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return particulars.ReplaceAllString(line, "…")
}

// theirs returns the verdict of openssl. If the program has named its path, openssl
// verifies that path, or else one that it finds itself.
func (w *world) theirs(o program, now time.Time, signer *trust.Signer) (verdict, error) {
	if reason := w.placeless(); reason != "" {
		return verdict{reason: reason}, nil
	}
	chain, found, err := w.trusted(o, signer)
	if err != nil || found.reason != "" {
		return verdict{reason: found.reason}, err
	}
	named, err := o.names(found.subject, signerName(w.regionName(), w.domain))
	if err != nil || !named {
		return verdict{reason: "the signer's name"}, err
	}
	var staples [][]byte
	for _, s := range w.staples {
		staples = append(staples, s.Body)
	}
	reason, err := o.vouched(staples, chain)
	if err != nil || reason != "" {
		return verdict{reason: reason}, err
	}
	v := verdict{reasons: make(map[int]string), lines: make(map[string]int)}
	for _, b := range blocks(w.document) {
		v.lines[b.key] = b.line
		if reason := b.refused(w.instance, now); reason != "" {
			v.reasons[b.line] = reason
			continue
		}
		ok, err := o.signed(chain[0], b.signed, b.signature)
		if err != nil {
			return verdict{}, err
		}
		if ok {
			v.keys = append(v.keys, b.key)
		} else {
			v.reasons[b.line] = "dgst: the signature"
		}
	}
	return v, nil
}

// trusted returns the path that openssl verified, and its result.
func (w *world) trusted(o program, signer *trust.Signer) ([]*x509.Certificate, found, error) {
	if signer == nil {
		result, err := o.verify(w.anchors, w.chain)
		if err != nil || result.reason != "" {
			return nil, result, err
		}
		chain := w.path(result.depth)
		if chain == nil {
			result.reason = "verify: over certificates that crypto/x509 cannot read"
		}
		return chain, result, nil
	}
	anchor := signer.Chain[len(signer.Chain)-1:]
	result, err := o.verify(anchor, w.chain)
	if err != nil || result.reason == "" {
		return signer.Chain, result, err
	}
	// Of several paths to the anchor, openssl tries only one. If that one fails, openssl
	// is given only the program's path. Its first certificate must be the first one
	// served.
	first, ok, err := o.run("x509", "-in", "chain.pem", "-outform", "PEM")
	if err != nil || !ok || !strings.HasSuffix(first, string(openssl.PEM(signer.Chain[0]))) {
		return nil, found{reason: "x509: the first certificate"}, err
	}
	result, err = o.verify(anchor, openssl.PEM(signer.Chain[:len(signer.Chain)-1]...))
	return signer.Chain, result, err
}

// path reconstructs the path that openssl found, of which only the length is known.
func (w *world) path(depth int) []*x509.Certificate {
	var served []*x509.Certificate
	for rest := w.chain; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			served = append(served, c)
		}
	}
	if len(served) == 0 || depth < 2 {
		return nil
	}
	chain := served[:1:1]
	for len(chain) < depth {
		candidates := served
		if len(chain) == depth-1 {
			candidates = w.anchors
		}
		last := chain[len(chain)-1]
		i := slices.IndexFunc(candidates, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawSubject, last.RawIssuer) && last.CheckSignatureFrom(c) == nil
		})
		if i < 0 {
			return nil
		}
		chain = append(chain, candidates[i])
	}
	return chain
}

var (
	regionForm = regexp.MustCompile(`\A[a-z]+(-[a-z]+)+-\d{1,2}\z`)
	zoneForm   = regexp.MustCompile(`\A([a-z]+(?:-[a-z]+)+-\d{1,2})(?:[a-z][a-z0-9-]*|-[a-z0-9-]+)?\z`)
	partitions = []string{"amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov"}
)

// regionName returns the Region that the signer must be named for, or "".
func (w *world) regionName() string {
	if w.region != nil {
		return regionForm.FindString(strings.TrimSuffix(*w.region, "\n"))
	}
	if match := zoneForm.FindStringSubmatch(w.zone); match != nil {
		return match[1]
	}
	return ""
}

// placeless returns why the location is not valid in AWS, or "".
func (w *world) placeless() string {
	switch {
	case !slices.Contains(partitions, w.domain):
		return "the domain"
	case w.regionName() == "":
		return "the region"
	}
	return ""
}

// readBlock is a block as parsed independently of the program.
type readBlock struct {
	line              int
	headers, key      string
	signed, signature []byte
	malformed         bool
}

var blockForm = regexp.MustCompile(`(?m)^((?:#[^\n]*\n)+)([^#\n][^\n]*)\n((?:[A-Za-z0-9+/=]+(?:\n|\z))+)`)

// blocks parses a document.
func blocks(document []byte) []readBlock {
	var read []readBlock
	for _, at := range blockForm.FindAllSubmatchIndex(document, -1) {
		part := func(i int) []byte { return document[at[2*i]:at[2*i+1]] }
		b := readBlock{line: 1 + bytes.Count(document[:at[0]], []byte("\n")), headers: string(part(1)), key: strings.TrimSuffix(string(part(2)), "\r"), signed: document[at[2] : at[5]+1]}
		var err error
		b.signature, err = base64.StdEncoding.DecodeString(string(bytes.ReplaceAll(part(3), []byte("\n"), nil)))
		b.malformed = err != nil
		read = append(read, b)
	}
	return read
}

var (
	headerForm = regexp.MustCompile(`(?m)^#([A-Za-z0-9_-]+)[ \t]*=[ \t]*([^\n]*)$`)
	keyForm    = regexp.MustCompile(`\A(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp256|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com)[ \t]+([A-Za-z0-9+/]+=*)(?:[ \t]+[^\pC]*)?[ \t]*\z`)
)

// refused returns why a block is refused, whatever its signature, or "".
func (b readBlock) refused(instance string, now time.Time) string {
	seen := make(map[string]string)
	headers := headerForm.FindAllStringSubmatch(b.headers, -1)
	for _, h := range headers {
		if _, twice := seen[h[1]]; twice {
			return "a header twice"
		}
		seen[h[1]] = h[2]
	}
	expiry, err := strconv.ParseInt(seen["Timestamp"], 10, 64)
	key := keyForm.FindStringSubmatch(b.key)
	switch {
	case b.malformed || len(headers) != strings.Count(b.headers, "\n"):
		return "the block's form"
	case err != nil || expiry <= now.Unix():
		return "the Timestamp"
	case seen["Instance"] != instance:
		return "the Instance"
	case key == nil:
		return "the key's form"
	}
	// The wire format begins with the length and name of the type.
	wire, err := base64.StdEncoding.DecodeString(key[2])
	if err != nil || !bytes.HasPrefix(wire, append([]byte{0, 0, 0, byte(len(key[1]))}, key[1]...)) {
		return "the key's form"
	}
	return ""
}
