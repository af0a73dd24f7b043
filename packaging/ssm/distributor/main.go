// Command distributor makes a package for AWS Systems Manager Distributor from the deb
// and rpm packages: a zip archive for each family and architecture, and the manifest that
// says which machine gets which archive.
//
// Its output depends only on the packages. It uploads nothing.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: distributor VERSION PACKAGES OUT")
		os.Exit(2)
	}
	if err := build(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintf(os.Stderr, "distributor: %v\n", err)
		os.Exit(1)
	}
}

// scripts returns the scripts of an archive by the names by which the agent runs them (AWS
// Systems Manager User Guide, "Create a package in Distributor"). An update installs over
// the old version, which keeps the administrator's configuration.
func scripts() map[string]string {
	return map[string]string{
		"install.sh":   "packaging/ssm/install.sh",
		"update.sh":    "packaging/ssm/install.sh",
		"uninstall.sh": "packaging/ssm/uninstall.sh",
		"packages.sh":  "packaging/install.sh",
	}
}

// An archive is for one family and architecture.
type archive struct {
	family string
	// arch is the agent's name of the architecture.
	arch string
	// packages are patterns for the names of its packages.
	packages []string
}

func archives() []archive {
	return []archive{
		{"deb", "x86_64", []string{"eic_*_amd64.deb"}},
		{"deb", "arm64", []string{"eic_*_arm64.deb"}},
		{"rpm", "x86_64", []string{"eic-[0-9]*.x86_64.rpm", "eic-selinux-*.noarch.rpm"}},
		{"rpm", "arm64", []string{"eic-[0-9]*.aarch64.rpm", "eic-selinux-*.noarch.rpm"}},
	}
}

func (a archive) name() string { return "eic-" + a.family + "-" + a.arch + ".zip" }

// platforms are the agent's names of the distributions of a family.
func platforms() map[string][]string {
	return map[string][]string{
		"deb": {"debian", "ubuntu"},
		"rpm": {"amazon", "centos", "oracle", "redhat", "rocky", "suse"},
	}
}

// manifest is the package's JSON manifest. The agent selects an archive by platform,
// version of the platform, and architecture.
type manifest struct {
	SchemaVersion string                                      `json:"schemaVersion"`
	Version       string                                      `json:"version"`
	Publisher     string                                      `json:"publisher"`
	Description   string                                      `json:"description"`
	Packages      map[string]map[string]map[string]manifested `json:"packages"`
	Files         map[string]checked                          `json:"files"`
}

type manifested struct {
	File string `json:"file"`
}

type checked struct {
	Checksums map[string]string `json:"checksums"`
}

func build(version, packages, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	m := manifest{
		SchemaVersion: "2.0",
		Version:       version,
		Publisher:     "eic",
		Description:   "EC2 Instance Connect for the instance",
		Packages:      map[string]map[string]map[string]manifested{},
		Files:         map[string]checked{},
	}
	for _, a := range archives() {
		sum, err := a.write(packages, out)
		if err != nil {
			return fmt.Errorf("writing %s: %w", a.name(), err)
		}
		m.Files[a.name()] = checked{map[string]string{"sha256": sum}}
		for _, platform := range platforms()[a.family] {
			if m.Packages[platform] == nil {
				m.Packages[platform] = map[string]map[string]manifested{"_any": {}}
			}
			m.Packages[platform]["_any"][a.arch] = manifested{a.name()}
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "manifest.json"), append(text, '\n'), 0o644)
}

// write writes the archive and returns its SHA-256 checksum.
func (a archive) write(packages, out string) (string, error) {
	files := scripts()
	// Unsigned packages have no signature; install.sh refuses them.
	for _, name := range []string{"SHA256SUMS", "SHA256SUMS.asc"} {
		if _, err := os.Stat(filepath.Join(packages, name)); err == nil {
			files[name] = filepath.Join(packages, name)
		}
	}
	for _, pattern := range a.packages {
		found, err := filepath.Glob(filepath.Join(packages, pattern))
		if err != nil {
			return "", err
		}
		if len(found) != 1 {
			return "", fmt.Errorf("found %d packages %q in %s, expected one", len(found), pattern, packages)
		}
		files[filepath.Base(found[0])] = found[0]
	}
	f, err := os.Create(filepath.Join(out, a.name()))
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // closed below unless there is another error already
	sum := sha256.New()
	if err := pack(io.MultiWriter(f, sum), files); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), f.Close()
}
