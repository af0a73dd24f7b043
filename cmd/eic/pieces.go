package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"eic/internal/authorize"
	"eic/internal/cmdline"
	"eic/internal/evidence"
	"eic/internal/instance"
	"eic/internal/lookup"
	"eic/internal/trust"
	"eic/internal/trustedfile"
)

// Bounds on the pieces. The longest answer of the metadata service that is read has 1
// MiB, and evidence has at most 32 staples.
const (
	maxPiece   = 1 << 20 // bytes
	maxStaples = 32
)

// pieces is evidence given piece by piece, each as the metadata service serves it.
type pieces struct {
	keys, signer, ocsp       string // files, and a directory
	instance, region, domain string
	fingerprint              string
}

func (p *pieces) register(flags cmdline.Line) {
	flags.StringVar(&p.keys, "keys", "", "`FILE` with the active-keys document")
	flags.StringVar(&p.signer, "signer-cert", "", "`FILE` with the signer's certificate and its issuers, in PEM")
	flags.StringVar(&p.ocsp, "ocsp", "", "`DIR` with the OCSP staples, one per file, in DER or base64")
	flags.StringVar(&p.instance, "instance-id", "", "`ID` of the instance")
	flags.StringVar(&p.region, "region", "", "`NAME` of the instance's region")
	flags.StringVar(&p.domain, "domain", trust.AmazonDomain, "`NAME` of its partition's domain")
	flags.StringVar(&p.fingerprint, "fingerprint", "", "`FINGERPRINT` that sshd asked for")
}

// check refuses pieces in addition to a directory, and missing or malformed pieces
// without one.
func (p *pieces) check(flags cmdline.Line) error {
	required := []string{"keys", "signer-cert", "ocsp", "instance-id", "region"}
	if flags.NArg() == 1 {
		var given error
		flags.Visit(func(f *pflag.Flag) {
			if slices.Contains(append(required, "domain", "fingerprint"), f.Name) {
				given = fmt.Errorf("--%s is for evidence without a directory", f.Name)
			}
		})
		return given
	}
	for _, name := range required {
		if flags.Lookup(name).Value.String() == "" {
			return fmt.Errorf("too few arguments, expected DIR, or else --%s", name)
		}
	}
	switch {
	case !instance.ValidID(p.instance):
		return fmt.Errorf("--instance-id: %q is not \"i-\" and 8 to 32 hexadecimal digits", p.instance)
	case !trust.ValidRegion(p.region):
		return fmt.Errorf("--region: %q is not a region such as us-east-1", p.region)
	case !trust.ValidDomain(p.domain):
		return fmt.Errorf("--domain: %q is not a domain name in lower case, such as amazonaws.com", p.domain)
	case p.fingerprint != "" && !authorize.ValidFingerprint(p.fingerprint):
		return fmt.Errorf("--fingerprint: %q is not SHA256:… or MD5:…, as in sshd's %%f", p.fingerprint)
	}
	return nil
}

// read combines the pieces. It accepts any domain, because the caller names it.
func (p *pieces) read() (evidence.Record, error) {
	r := evidence.Record{
		Evidence: lookup.Evidence{
			Instance: p.instance, Region: []byte(p.region), Domain: []byte(p.domain),
		},
		Options: lookup.Options{Fingerprint: p.fingerprint},
		Anchors: evidence.Anchors{Setting: lookup.AnchorsAuto},
	}
	if !slices.Contains(trust.Domains(), p.domain) {
		r.Options.Domains = []string{p.domain}
	}
	e := &r.Evidence
	var err error
	if e.ActiveKeys, err = trustedfile.ReadUntrusted(p.keys, maxPiece); err != nil {
		return r, fmt.Errorf("reading the active keys: %w", err)
	}
	if e.Signer.Chain, err = trustedfile.ReadUntrusted(p.signer, maxPiece); err != nil {
		return r, fmt.Errorf("reading the signer's certificate: %w", err)
	}
	e.Signer.Staples, err = readStaples(p.ocsp)
	return r, err
}

// readStaples returns each file of a directory as a staple with the file's name.
func readStaples(name string) ([]trust.Staple, error) {
	directory, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the OCSP staples: %w", err)
	}
	defer directory.Close() //nolint:errcheck // nothing was written
	entries, err := directory.ReadDir(maxStaples + 1)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("reading the OCSP staples: %w", err)
	case len(entries) > maxStaples:
		return nil, fmt.Errorf("reading the OCSP staples: %q has more than %d files", name, maxStaples)
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	staples := []trust.Staple{}
	for _, entry := range entries {
		body, err := trustedfile.ReadUntrusted(filepath.Join(name, entry.Name()), maxPiece)
		if err != nil {
			return nil, fmt.Errorf("reading the OCSP staples: %w", err)
		}
		if bytes.HasPrefix(body, derSequence) {
			body = []byte(base64.StdEncoding.EncodeToString(body))
		}
		staples = append(staples, trust.Staple{Name: entry.Name(), Body: body})
	}
	return staples, nil
}

// derSequence is how the DER of every OCSP response of 256 bytes or more begins, and no
// base64 text.
var derSequence = []byte{0x30, 0x82}
