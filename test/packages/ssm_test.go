//go:build packages

package packages

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
)

// The agent looks up a file in the manifest by platform, platform version and architecture,
// and verifies its checksum.
func TestDistributorManifestListsEveryArchiveAndChecksum(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(module, "build/ssm/manifest.json"))
	require.NoError(t, err)
	var manifest struct {
		SchemaVersion, Version, Publisher, Description string
		Packages                                       map[string]map[string]map[string]struct{ File string }
		Files                                          map[string]struct{ Checksums map[string]string }
	}
	require.NoError(t, strictly(text, &manifest))
	require.Equal(t, "2.0", manifest.SchemaVersion)
	require.Regexp(t, `^[a-zA-Z0-9_.-]{1,128}$`, manifest.Version) // VersionName of CreateDocument
	require.Equal(t, strings.ReplaceAll(version(t), "~", "-"), manifest.Version)
	for _, platform := range []string{"amazon", "centos", "debian", "oracle", "redhat", "rocky", "suse", "ubuntu"} {
		for _, architecture := range []string{"x86_64", "arm64"} {
			require.Contains(t, manifest.Files, manifest.Packages[platform]["_any"][architecture].File)
		}
	}
	for name, f := range manifest.Files {
		archive, err := os.ReadFile(filepath.Join(module, "build/ssm", name))
		require.NoError(t, err)
		sum := sha256.Sum256(archive)
		require.Equal(t, map[string]string{"sha256": hex.EncodeToString(sum[:])}, f.Checksums)
	}
}

// unpack unpacks an archive as the agent does.
func (m machine) unpack(archive, to string) {
	m.t.Helper()
	z, err := zip.OpenReader(archive)
	require.NoError(m.t, err)
	defer z.Close() //nolint:errcheck // only read
	for _, f := range z.File {
		content, err := f.Open()
		require.NoError(m.t, err)
		text, err := io.ReadAll(content)
		require.NoError(m.t, err)
		m.write(filepath.Join(to, f.Name), string(text))
	}
}

// step returns the shell script of a step of eic-package, for an action.
func step(t *testing.T, name, action, key string) string {
	t.Helper()
	for _, step := range readDocument(t, "eic-package.json").MainSteps {
		if step.Name == name {
			var in struct {
				TimeoutSeconds string
				RunCommand     []string
			}
			require.NoError(t, strictly(step.Inputs, &in))
			return strings.NewReplacer("{{ key }}", key, "{{ action }}", action).Replace(strings.Join(in.RunCommand, "\n"))
		}
	}
	require.Fail(t, "eic-package has no step "+name)
	return ""
}

// distributed returns, for each archive, a function that starts a machine for it.
func distributed() map[string]func(t *testing.T) machine {
	return map[string]func(t *testing.T) machine{
		"eic-deb-x86_64.zip": func(t *testing.T) machine { return start(t, "trixie") },
		"eic-rpm-x86_64.zip": startRPM,
	}
}

func TestDistributorPackageInstallsUpdatesAndIsRemoved(t *testing.T) {
	for archive, startIt := range distributed() {
		t.Run(archive, func(t *testing.T) {
			m := startIt(t)
			before := m.listing()
			m.unpack(filepath.Join(host.Prepared(), "ssm", archive), "/run/package")
			runs := func(script string) {
				m.must("/bin/sh", "-c", step(t, "key", "Install", base64Of(t, releaseKey)))
				m.must("/bin/sh", "-c", "cd /run/package && sh "+script+".sh")
				m.must("/bin/sh", "-c", step(t, "check", "Install", ""))
				require.False(t, m.exists("/run/eic-release-key.gpg"))
				m.requireVersion(version(t))
				m.requireLogin()
			}
			runs("install")
			runs("update")
			// An update to an earlier version is a downgrade.
			m.installLater()
			runs("update")
			m.must("/bin/sh", "-c", step(t, "key", "Uninstall", ""))
			m.must("/bin/sh", "-c", "cd /run/package && sh uninstall.sh")
			m.must("/bin/sh", "-c", step(t, "check", "Uninstall", ""))
			m.requireListing(before)
		})
	}
}

func TestDistributorPackageIsNotInstalledWithoutTheReleaseKey(t *testing.T) {
	for archive, startIt := range distributed() {
		for name, key := range map[string]string{"no key": "", "another key": base64Of(t, otherKey)} {
			t.Run(archive+" "+name, func(t *testing.T) {
				m := startIt(t)
				m.unpack(filepath.Join(host.Prepared(), "ssm", archive), "/run/package")
				m.must("/bin/sh", "-c", step(t, "key", "Install", key))
				require.NotZero(t, m.run("/bin/sh", "-c", "cd /run/package && sh install.sh").Status)
				require.False(t, m.exists("/usr/bin/eic"))
			})
		}
	}
}

// A new version reaches a few hosts before it reaches all of them, and stops at failures.
func TestAssociationsRollOutToCanariesFirst(t *testing.T) {
	type association struct {
		AssociationName, Name, ScheduleExpression, ComplianceSeverity, MaxConcurrency, MaxErrors string
		Targets                                                                                  []struct {
			Key    string
			Values []string
		}
	}
	read := func(name string) (a association) {
		text, err := os.ReadFile(filepath.Join(module, "packaging/ssm", name))
		require.NoError(t, err)
		require.NoError(t, strictly(text, &a))
		require.Equal(t, "eic-package", a.Name)
		require.Len(t, a.Targets, 1)
		require.Equal(t, "tag:eic", a.Targets[0].Key)
		return a
	}
	canary, all := read("association-canary.json"), read("association.json")
	require.Equal(t, []string{"canary"}, canary.Targets[0].Values)
	require.Equal(t, []string{"1", "0"}, []string{canary.MaxConcurrency, canary.MaxErrors})
	require.Equal(t, []string{"on"}, all.Targets[0].Values)
	require.Equal(t, []string{"10%", "5%"}, []string{all.MaxConcurrency, all.MaxErrors})
	require.NotEqual(t, canary.AssociationName, all.AssociationName)
}

// document is the part of schema 2.2 that the Run Command documents use (AWS Systems Manager
// User Guide, "Command document plugin reference").
type document struct {
	SchemaVersion, Description string
	Parameters                 map[string]struct {
		Type, Description, AllowedPattern, Default string
		AllowedValues                              []string
	}
	MainSteps []struct {
		Name, Action string
		Precondition map[string][]string
		Inputs       json.RawMessage
	}
}

func readDocument(t *testing.T, name string) document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(module, "packaging/ssm", name))
	require.NoError(t, err)
	var d document
	require.NoError(t, strictly(text, &d))
	return d
}

func TestRunCommandDocumentsFollowTheirSchema(t *testing.T) {
	for _, name := range []string{"eic-package.json", "eic-doctor.json"} {
		t.Run(name, func(t *testing.T) {
			d := readDocument(t, name)
			require.Equal(t, "2.2", d.SchemaVersion)
			names := map[string]bool{}
			for _, step := range d.MainSteps {
				require.Regexp(t, `^[a-zA-Z0-9_]+$`, step.Name)
				require.False(t, names[step.Name])
				names[step.Name] = true
				require.Equal(t, map[string][]string{"StringEquals": {"platformType", "Linux"}}, step.Precondition)
				requirePlugin(t, step.Action, step.Inputs)
				for _, reference := range regexp.MustCompile(`{{ *(.*?) *}}`).FindAllStringSubmatch(string(step.Inputs), -1) {
					require.Contains(t, d.Parameters, reference[1])
				}
			}
			for name, p := range d.Parameters {
				require.Equal(t, "String", p.Type)
				require.True(t, p.AllowedPattern != "" || p.AllowedValues != nil, "parameter %s goes into a command, so its values must be restricted", name)
				_, err := regexp.Compile(p.AllowedPattern)
				require.NoError(t, err)
				if p.AllowedValues != nil {
					require.Contains(t, p.AllowedValues, p.Default)
				}
				require.Regexp(t, p.AllowedPattern, p.Default)
			}
		})
	}
}

func requirePlugin(t *testing.T, action string, inputs json.RawMessage) {
	t.Helper()
	switch action {
	case "aws:configurePackage":
		var in struct{ Name, Action, InstallationType, Version string }
		require.NoError(t, strictly(inputs, &in))
		require.Equal(t, "In-place update", in.InstallationType)
	case "aws:runShellScript":
		var in struct {
			TimeoutSeconds string
			RunCommand     []string
		}
		require.NoError(t, strictly(inputs, &in))
		require.NotEmpty(t, in.RunCommand)
	default:
		require.Fail(t, "unknown plugin "+action)
	}
}
