//go:build packages

package packages

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
)

// The names of two throwaway keys; releaseKey signs releases. Both are RSA keys, because RPM
// 4.14 and older accept no others.
const (
	releaseKey = "release"
	otherKey   = "other"
)

// signing returns the variables that sign a release, for make.
func signing(dir string) []string {
	return []string{
		"NFPM_PASSPHRASE=correct horse", "SIGNING_KEY=" + filepath.Join(dir, "keys/release.key"), "APK_KEY=" + filepath.Join(dir, "keys/apk.key"),
	}
}

// prepareKeys makes three files in dir/keys for each key: NAME.key, the private key, NAME.asc,
// the public key, and NAME.gpg, the public key in binary. It also makes a key pair for apk.
func prepareKeys(ctx context.Context, dir string) error {
	return inModule(ctx, signing(dir), "sh", "-euc", `
		mkdir "$1/keys"
		cd "$1/keys"
		for name in release other; do
			GNUPGHOME=$(mktemp -d)
			export GNUPGHOME
			gpg() { command gpg --batch --quiet --pinentry-mode loopback --passphrase "$NFPM_PASSPHRASE" "$@"; }
			gpg --quick-gen-key "eic test <$name@example.com>" rsa3072 sign never
			gpg --armor --export-secret-keys > $name.key
			gpg --armor --export > $name.asc
			gpg --export > $name.gpg
			gpgconf --kill all
			rm -rf "$GNUPGHOME"
		done
		openssl genrsa -out apk.key 3072
		openssl rsa -in apk.key -pubout -out eic.rsa.pub
		chmod 644 *`, "sh", dir)
}

// prepareSigned makes a signed release ("signed"), with a stand-in for the bill of materials,
// which needs the Internet. From the release it makes the package for Distributor ("ssm"),
// and repositories that also have the version before ("repository").
func prepareSigned(ctx context.Context, dir string) error {
	bom := filepath.Join(dir, "keys/bom.json")
	if err := os.WriteFile(bom, []byte("{}\n"), 0o644); err != nil {
		return err
	}
	signed := filepath.Join(dir, "signed")
	if err := inModule(ctx, signing(dir), "make", "--old-file=sbom", "release", "BOM="+bom, "PACKAGES="+signed); err != nil {
		return err
	}
	version, err := exec.CommandContext(ctx, filepath.Join(module, "build/stage/amd64/eic"), "version").Output()
	if err != nil {
		return err
	}
	if err := inModule(ctx, nil, "go", "run", "./packaging/ssm/distributor", strings.ReplaceAll(strings.Fields(string(version))[1], "~", "-"),
		signed, filepath.Join(dir, "ssm")); err != nil {
		return err
	}
	for _, packages := range []string{filepath.Join(dir, "old"), signed} {
		if err := inModule(ctx, signing(dir), "packaging/repository", packages, filepath.Join(dir, "repository"),
			filepath.Join(dir, "keys/release.key")); err != nil {
			return err
		}
	}
	return nil
}

// keyFile returns the path of a key's file, such as "release.asc".
func keyFile(name string) string { return filepath.Join(host.Prepared(), "keys", name) }

// armored returns the public key of this name in ASCII armor.
func armored(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(keyFile(name + ".asc"))
	require.NoError(t, err)
	return string(text)
}

// base64Of returns the public key of this name in base64, on one line.
func base64Of(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(keyFile(name + ".gpg"))
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(text)
}

// gpgv verifies a signature by the key of this name.
func gpgv(key, signature string, data ...string) error {
	return run(exec.Command("gpgv", append([]string{"--keyring", keyFile(key + ".gpg"), signature}, data...)...))
}

func TestSignedChecksumsCoverEveryReleaseFile(t *testing.T) {
	signed := filepath.Join(host.Prepared(), "signed")
	sums := filepath.Join(signed, "SHA256SUMS")
	require.NoError(t, gpgv(releaseKey, sums+".asc", sums))
	require.Error(t, gpgv(otherKey, sums+".asc", sums))
	check := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
	check.Dir = signed
	require.NoError(t, run(check))

	text, err := os.ReadFile(sums)
	require.NoError(t, err)
	var named []string
	for line := range strings.Lines(string(text)) {
		named = append(named, strings.Fields(line)[1])
	}
	var files []string
	entries, err := os.ReadDir(signed)
	require.NoError(t, err)
	for _, e := range entries {
		files = append(files, e.Name())
	}
	require.ElementsMatch(t, files, append(named, "SHA256SUMS", "SHA256SUMS.asc"))
	require.Contains(t, named, "eic-"+version(t)+".cdx.json")
}

func TestUnsignedReleaseListsWhatIsNotSigned(t *testing.T) {
	unsigned := func(arguments ...string) string {
		cmd := exec.Command("make", append([]string{"--no-print-directory", "unsigned"}, arguments...)...)
		cmd.Dir = module
		out, err := cmd.CombinedOutput()
		require.NoError(t, err)
		return string(out)
	}
	require.Contains(t, unsigned(), "not signed: deb, rpm and Arch packages, SHA256SUMS;")
	require.Contains(t, unsigned(), "not signed: apk packages;")
	require.Empty(t, unsigned("SIGNING_KEY=a", "APK_KEY=b"))
	require.NoFileExists(t, filepath.Join(host.Prepared(), "new/SHA256SUMS.asc"))
}

// At this level of _pkgverify_level, rpm requires valid digests and signatures. It is
// Fedora's default, and other distributions can set it.
func TestSignedRPMInstallsIfSignaturesAreRequired(t *testing.T) {
	const all = "_pkgverify_level all"
	m := startRPM(t)
	checksig := func(pattern string) int {
		return m.run("/usr/bin/rpmkeys", "--define", all, "--checksig", m.copyIn(file(t, pattern))).Status
	}
	packages := []string{`signed/eic-[0-9]\S*\.x86_64\.rpm`, `signed/eic-selinux-.*\.rpm`, `signed/eic-sim-.*\.x86_64\.rpm`}
	m.must("/usr/bin/rpmkeys", "--import", m.copyIn(keyFile("other.asc")))
	for _, pattern := range packages {
		require.NotZero(t, checksig(pattern), "expected a failure: the signing key is not imported")
	}
	m.must("/usr/bin/rpmkeys", "--import", m.copyIn(keyFile("release.asc")))
	for _, pattern := range packages {
		require.Zero(t, checksig(pattern))
	}
	require.NotZero(t, checksig(newRPM), "expected a failure: the package is not signed")
	require.NotZero(t, m.run("/usr/bin/rpm", "--define", all, "-i", m.copyIn(file(t, newRPM))).Status)

	name := m.copyIn(file(t, packages[0]))
	text := []byte(m.read(name))
	text[len(text)/2] ^= 1
	m.write("/run/eic-test/changed.rpm", string(text))
	require.NotZero(t, m.run("/usr/bin/rpmkeys", "--define", all, "--checksig", "/run/eic-test/changed.rpm").Status)

	m.must("/usr/bin/rpm", "--define", all, "-i", name)
	m.requireLogin()
}

// readAr returns the members of an ar archive in order.
func readAr(t *testing.T, name string) (names []string, members map[string][]byte) {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	rest, found := bytes.CutPrefix(text, []byte("!<arch>\n"))
	require.True(t, found)
	members = map[string][]byte{}
	for len(rest) > 0 {
		header := string(rest[:60])
		size, err := strconv.Atoi(strings.TrimSpace(header[48:58]))
		require.NoError(t, err)
		member := strings.TrimRight(strings.TrimSpace(header[:16]), "/")
		names, members[member] = append(names, member), rest[60:60+size]
		rest = rest[60+size+size%2:]
	}
	return names, members
}

// As for debsig-verify, the signature is over the concatenated other members.
func TestDebIsSigned(t *testing.T) {
	for _, pattern := range []string{`signed/eic_\S*_amd64\.deb`, `signed/eic_\S*_arm64\.deb`, `signed/eic-sim_\S*_amd64\.deb`} {
		names, members := readAr(t, file(t, pattern))
		require.Len(t, names, 4)
		require.Equal(t, "_gpgorigin", names[3])
		data := filepath.Join(t.TempDir(), "data")
		require.NoError(t, os.WriteFile(data, bytes.Join([][]byte{members[names[0]], members[names[1]], members[names[2]]}, nil), 0o644))
		armor := filepath.Join(t.TempDir(), "signature.asc")
		require.NoError(t, os.WriteFile(armor, members["_gpgorigin"], 0o644))
		require.NoError(t, gpgv(releaseKey, armor, data))
		require.Error(t, gpgv(otherKey, armor, data))
	}
	m := start(t, "bookworm")
	m.installDeb(`signed/eic_\S*_amd64\.deb`)
	m.requireLogin()
}

func TestArchPackageIsSigned(t *testing.T) {
	name := file(t, `signed/eic-[0-9]\S*-x86_64\.pkg\.tar\.zst`)
	require.NoError(t, gpgv(releaseKey, name+".sig", name))
	require.Error(t, gpgv(otherKey, name+".sig", name))
}

// gzipStreams splits text into its concatenated gzip streams, each still compressed.
func gzipStreams(t *testing.T, text []byte) [][]byte {
	t.Helper()
	var streams [][]byte
	for len(text) > 0 {
		in := bytes.NewReader(text) // from an io.ByteReader, gzip reads no octet past the stream
		stream, err := gzip.NewReader(in)
		require.NoError(t, err)
		stream.Multistream(false)
		_, err = io.Copy(io.Discard, stream)
		require.NoError(t, err)
		length := len(text) - in.Len()
		streams, text = append(streams, text[:length]), text[length:]
	}
	return streams
}

// A signed apk begins with an additional stream. Its only file is the signature of the second
// stream, which has the checksum of the third (apk-package(5)).
func TestAPKIsSigned(t *testing.T) {
	text, err := os.ReadFile(file(t, `signed/eic_\S*-r1_x86_64\.apk`))
	require.NoError(t, err)
	streams := gzipStreams(t, text)
	require.Len(t, streams, 3)
	dir := t.TempDir()
	for i, name := range []string{"signature.tar.gz", "control.tar.gz"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), streams[i], 0o644))
	}
	extract := exec.Command("tar", "--extract", "--gzip", "--file", "signature.tar.gz")
	extract.Dir = dir
	require.NoError(t, run(extract))
	verify := func(file string) error {
		cmd := exec.Command("openssl", "dgst", "-sha1", "-verify", keyFile("eic.rsa.pub"), "-signature", ".SIGN.RSA.eic.rsa.pub", file)
		cmd.Dir = dir
		return run(cmd)
	}
	require.NoError(t, verify("control.tar.gz"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "changed"), append(bytes.Clone(streams[1]), 0), 0o644))
	require.Error(t, verify("changed"))

	unsigned, err := os.ReadFile(file(t, `new/eic_\S*-r1_x86_64\.apk`))
	require.NoError(t, err)
	require.True(t, bytes.Equal(unsigned, text[len(streams[0]):]), "signing must only add the signature")
}
