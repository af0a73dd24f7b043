package vectors

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/evidence"
	"eic/internal/lookup"
	"eic/internal/trust"
	"eic/test/host"
	"eic/test/needs"
	"eic/test/openssl"
)

func content(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(directory, name))
	require.NoError(t, err)
	return text
}

// staples returns the staples in a directory by name.
func staples(t *testing.T, name string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	entries, err := os.ReadDir(filepath.Join(directory, name))
	if !os.IsNotExist(err) { // Git does not store empty directories
		require.NoError(t, err)
	}
	for _, entry := range entries {
		found[entry.Name()] = content(t, filepath.Join(name, entry.Name()))
	}
	return found
}

func TestOurPackagesGiveTheExpectedVerdicts(t *testing.T) {
	set := read(t)
	anchors, err := trust.ParseAnchors(content(t, set.Roots))
	require.NoError(t, err)
	require.NotNil(t, anchors)
	for _, v := range set.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			r := evidence.Record{
				Evidence: lookup.Evidence{
					Time: set.Time, Instance: v.InstanceID, Region: []byte(v.Region), Domain: []byte(v.Domain),
					ActiveKeys: content(t, v.ActiveKeys), Signer: trust.SignerEvidence{Chain: content(t, v.SignerCert)},
				},
				Options: lookup.Options{User: v.User},
				Anchors: evidence.Anchors{Setting: set.Roots, Kept: content(t, set.Roots)},
			}
			r.Options.Anchors = r.AnchorsFor
			for name, body := range staples(t, v.SignerOCSP) {
				r.Evidence.Signer.Staples = append(r.Evidence.Signer.Staples, trust.Staple{Name: name, Body: body})
			}
			result, err := r.Decide()
			var lines []string
			for _, d := range result.Decisions {
				if line := d.Line(); line != nil && err == nil {
					lines = append(lines, string(line))
				}
			}
			require.ElementsMatch(t, v.Printed, lines, "%v", err)
		})
	}
}

func TestEicVerifyGivesTheExpectedVerdicts(t *testing.T) {
	needs.Tool(t, "go")
	dir := t.TempDir()
	require.NoError(t, host.Build(t.Context(), dir))
	set := read(t)
	elsewhere := 0
	for _, v := range set.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			ocsp := filepath.Join(directory, v.SignerOCSP)
			if _, err := os.Stat(ocsp); os.IsNotExist(err) {
				ocsp = t.TempDir()
			}
			cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "eic"), "verify", "--json", "--at", set.Time.Format(time.RFC3339),
				"--trust-anchors", filepath.Join(directory, set.Roots), "--keys", filepath.Join(directory, v.ActiveKeys),
				"--signer-cert", filepath.Join(directory, v.SignerCert), "--ocsp", ocsp,
				"--instance-id", v.InstanceID, "--region", v.Region, "--domain", v.Domain)
			out, err := cmd.Output()
			if v.Reason == "unknown domain" || v.Name == "ocsp-not-base64" {
				// --domain accepts any domain, and --ocsp also reads staples in DER.
				elsewhere++
				return
			}
			var report struct {
				Keys []struct {
					Line string `json:"authorized_keys_line"`
				} `json:"keys"`
			}
			require.NoError(t, json.Unmarshal(out, &report), "%s: %v", out, err)
			var lines []string
			for _, key := range report.Keys {
				if key.Line != "" {
					lines = append(lines, key.Line)
				}
			}
			require.ElementsMatch(t, v.Printed, lines)
			if len(v.Printed) > 0 {
				require.NoError(t, err)
				return
			}
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			require.Contains(t, []int{1, 3}, exit.ExitCode())
		})
	}
	require.Equal(t, 4, elsewhere)
}

// notOpenSSLs matches the reasons that openssl cannot confirm, because they are about names,
// dates and formats instead of cryptography.
var notOpenSSLs = regexp.MustCompile(`^(unknown domain|signer name|two CNs|signer key|key expired|key is for another instance|` +
	`key with options|more than one key|control character|duplicate header|unsupported key|malformed .*|no Instance|no Timestamp)$`)

// laxer lists the vectors that the openssl program accepts although the specification refuses
// them.
var laxer = map[string]string{
	"ocsp-critical-extension": "openssl ocsp does not look at extensions",
	"ocsp-two-responses":      "openssl ocsp reads the first response about a certificate alone",
	"ocsp-sha1-signature":     "openssl ocsp takes a signature with SHA-1 at every security level",
}

// OpenSSL is independent of this project. Its verdicts show that the vectors follow the
// specification, and not this program's reading of it.
func TestOpenSSLGivesTheExpectedVerdicts(t *testing.T) {
	needs.Tool(t, "openssl")
	set := read(t)
	o := opinions{t: t, set: set, signers: map[string]string{}}
	asked := 0
	for _, v := range set.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			o.t = t
			reason := o.refuses(v)
			switch {
			case len(v.Printed) > 0:
				require.Empty(t, reason)
			case laxer[v.Name] != "":
				require.Empty(t, reason, "OpenSSL now refuses this vector: remove it from laxer")
			case !notOpenSSLs.MatchString(v.Reason):
				asked++
				require.NotEmpty(t, reason, "expected OpenSSL to refuse the vector because of %s", v.Reason)
			}
		})
	}
	require.Greater(t, asked, 60)
}

// opinions runs openssl on the vectors. It caches the verdicts on chains and their staples,
// because many vectors share them.
type opinions struct {
	t       *testing.T
	set     vectorSet
	signers map[string]string
}

// refuses returns why openssl refuses the vector's keys, or "".
func (o opinions) refuses(v vector) string {
	dir := o.t.TempDir()
	chain := content(o.t, v.SignerCert)
	o.write(dir, "roots.pem", content(o.t, o.set.Roots))
	o.write(dir, "chain.pem", chain)
	known := v.SignerCert + " " + v.SignerOCSP
	reason, ok := o.signers[known]
	if !ok {
		reason = o.refusesSigner(dir, v)
		o.signers[known] = reason
	}
	if reason != "" {
		return reason
	}
	public, ok := openssl.Run(o.t, dir, "x509", "-in", "chain.pem", "-noout", "-pubkey")
	require.True(o.t, ok, public)
	o.write(dir, "key.pem", []byte(public))
	for _, line := range v.Printed {
		if !o.signed(dir, content(o.t, v.ActiveKeys), line) {
			return "the signature"
		}
	}
	if len(v.Printed) == 0 && !o.signed(dir, content(o.t, v.ActiveKeys), key) {
		return "the signature"
	}
	return ""
}

func (o opinions) write(dir, name string, text []byte) {
	o.t.Helper()
	require.NoError(o.t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
}

// refusesSigner returns why openssl refuses the chain or its revocation status, or "".
func (o opinions) refusesSigner(dir string, v vector) string {
	at := fmt.Sprint(o.set.Time.Unix())
	strict := []string{"-x509_strict", "-auth_level", "2", "-attime", at, "-CAfile", "roots.pem", "-no-CApath", "-no-CAstore"}
	says, ok := openssl.Run(o.t, dir, append(append([]string{"verify", "-show_chain"}, strict...), "-untrusted", "chain.pem", "chain.pem")...)
	if !ok {
		return says
	}
	path := o.path(dir, strings.Count(says, "depth="))
	good := make([]bool, len(path)-1)
	for _, body := range staples(o.t, v.SignerOCSP) {
		der, err := base64.StdEncoding.DecodeString(string(bytes.ReplaceAll(body, []byte("\n"), nil)))
		if err != nil {
			continue
		}
		o.write(dir, "staple.der", der)
		for i, status := range o.statuses(dir, strict, path) {
			if status == "revoked" {
				return status
			}
			good[i] = good[i] || status == "good"
		}
	}
	if i := slices.Index(good, false); i >= 0 {
		return fmt.Sprintf("no good staple for certificate %d", i)
	}
	return ""
}

// path writes the certificates of the path into files and returns their names. It finds each
// issuer by its name, among the served certificates and the roots.
func (o opinions) path(dir string, depth int) []string {
	text := append(bytes.Clone(content(o.t, o.set.Roots)), '\n')
	served, err := os.ReadFile(filepath.Join(dir, "chain.pem"))
	require.NoError(o.t, err)
	text = append(served, text...)
	var certificates []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			certificates = append(certificates, c)
		}
	}
	found := certificates[:1]
	for len(found) < depth {
		last := found[len(found)-1]
		var next *x509.Certificate
		for _, c := range certificates {
			// A root comes after the cross-signed certificate with the same name.
			if bytes.Equal(c.RawSubject, last.RawIssuer) && last.CheckSignatureFrom(c) == nil && (next == nil || len(found) == depth-1) {
				next = c
			}
		}
		require.NotNil(o.t, next)
		found = append(slices.Clip(found), next)
	}
	var files []string
	for i, c := range found {
		files = append(files, fmt.Sprintf("c%d.pem", i))
		o.write(dir, files[i], openssl.PEM(c))
	}
	return files
}

// statuses returns the status in a staple of each certificate of a path except the last:
// "good", "revoked" or "". openssl compares the staple's times with the current time, so it
// gets a tolerance of a century, and statuses compares the times itself.
func (o opinions) statuses(dir string, strict, path []string) []string {
	args := append([]string{"ocsp", "-respin", "staple.der", "-no_nonce", "-validity_period", "3153600000"}, strict...)
	args = append(args, "-partial_chain", "-verify_other", "chain.pem")
	for _, hash := range []string{"-sha1", "-sha256"} {
		args = append(args, hash)
		for i := range path[1:] {
			args = append(args, "-issuer", path[i+1], "-cert", path[i])
		}
	}
	found := make([]string, len(path)-1)
	says, _ := openssl.Run(o.t, dir, args...)
	if !strings.Contains(says, "Response verify OK") {
		return found
	}
	for _, answer := range strings.Split(says, "\nc")[1:] {
		var i int
		var status string
		if n, _ := fmt.Sscanf(answer, "%d.pem: %s", &i, &status); n != 2 || i >= len(found) {
			continue
		}
		if status == "revoked" || status == "good" && o.current(answer) {
			found[i] = status
		}
	}
	return found
}

// current reports whether a staple is valid at the vectors' time, with a tolerance of five
// minutes.
func (o opinions) current(says string) bool {
	const tolerance = 5 * time.Minute
	update := regexp.MustCompile(`(?m)^\s*(This|Next) Update: (.*)$`)
	bounds := map[string]time.Time{}
	for _, match := range update.FindAllStringSubmatch(says, -1) {
		at, err := time.Parse("Jan _2 15:04:05 2006 MST", match[2])
		require.NoError(o.t, err)
		bounds[match[1]] = at
	}
	return len(bounds) == 2 && !o.set.Time.Before(bounds["This"].Add(-tolerance)) && !o.set.Time.After(bounds["Next"].Add(tolerance))
}

// signed reports whether the signature of the block with a key line is valid, according to
// both commands of openssl that can verify it.
func (o opinions) signed(dir string, document []byte, line string) bool {
	block := regexp.MustCompile(`(?m)((?:^#.*\n)+` + regexp.QuoteMeta(line) + `.*\n)((?:^[A-Za-z0-9+/=]+\n?)+)`).FindSubmatch(document)
	if block == nil {
		return false
	}
	signature, err := base64.StdEncoding.DecodeString(string(bytes.ReplaceAll(block[2], []byte("\n"), nil)))
	if err != nil {
		return false
	}
	o.write(dir, "signed", block[1])
	o.write(dir, "signature", signature)
	pss := []string{"rsa_padding_mode:pss", "rsa_pss_saltlen:32", "rsa_mgf1_md:sha256"}
	dgst := []string{"dgst", "-sha256", "-verify", "key.pem", "-signature", "signature"}
	pkeyutl := []string{"pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-sigfile", "signature", "-in", "hash", "-pkeyopt", "digest:sha256"}
	for _, option := range pss {
		dgst = append(dgst, "-sigopt", option)
		pkeyutl = append(pkeyutl, "-pkeyopt", option)
	}
	_, ok := openssl.Run(o.t, dir, "dgst", "-sha256", "-binary", "-out", "hash", "signed")
	require.True(o.t, ok)
	_, byDgst := openssl.Run(o.t, dir, append(dgst, "signed")...)
	_, byPkeyutl := openssl.Run(o.t, dir, pkeyutl...)
	return byDgst && byPkeyutl // dgst ignores extra octets
}
