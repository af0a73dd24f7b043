//go:build packages

package packages

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
)

// repository serves the repositories on the loopback interface and returns their URL.
func repository(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(host.Prepared(), "repository"))))
	t.Cleanup(server.Close)
	return server.URL
}

// families returns a function for each kind of repository client, which starts a machine
// with that client.
func families() map[string]func(t *testing.T) machine {
	return map[string]func(t *testing.T) machine{
		"apt with gpgv": func(t *testing.T) machine { return startOffline(t, "bookworm") },
		"apt with sqv":  func(t *testing.T) machine { return startOffline(t, "trixie") },
		"dnf":           startRPM,
	}
}

// startOffline starts a machine whose apt has no repository, because Debian's is unreachable.
func startOffline(t *testing.T, name string) machine {
	t.Helper()
	m := start(t, name)
	require.NoError(t, os.RemoveAll(m.Path("/etc/apt/sources.list")))
	require.NoError(t, os.RemoveAll(m.Path("/etc/apt/sources.list.d")))
	require.NoError(t, os.MkdirAll(m.Path("/etc/apt/sources.list.d"), 0o755))
	return m
}

// example is the URL of a repository on the pages and in the packaged files.
const example = "https://packages.example.com"

// addRepository runs the commands of the page that add the repository and install eic.
func (m machine) addRepository(heading, key string) host.Result {
	m.t.Helper()
	m.write("/run/keys/eic.asc", armored(m.t, key))
	page, err := os.ReadFile(filepath.Join(module, "docs/how-to/repository.md"))
	require.NoError(m.t, err)
	script := indented(m.t, string(page), heading)
	require.Contains(m.t, script, example)
	return m.run("/bin/sh", "-euc", "cd /run/keys; yes | {\n"+strings.ReplaceAll(script, example, repository(m.t))+"\n}")
}

// requireVersion requires that this version of the package is installed.
func (m machine) requireVersion(version string) {
	m.t.Helper()
	require.Equal(m.t, version+"-1", m.must("/bin/sh", "-c",
		"dpkg-query --show --showformat '${Version}' eic 2>/run/not-a-deb || rpm --query --queryformat '%{version}-%{release}' eic"))
}

// installLater installs a package of a later version.
func (m machine) installLater() {
	m.t.Helper()
	if m.exists("/usr/bin/apt-get") {
		m.installDeb(`later/eic_.*\.deb`)
	} else {
		m.must("/usr/bin/rpm", "-U", m.copyIn(file(m.t, `later/eic-.*\.rpm`)))
	}
	m.requireVersion(later)
}

// The commands of the pages install eic from a repository, downgrade it, and upgrade it.
func TestRepositoriesInstallDowngradeAndUpgrade(t *testing.T) {
	for family, startIt := range families() {
		t.Run(family, func(t *testing.T) {
			tool, _, _ := strings.Cut(family, " ")
			heading := "Install from " + tool
			m := startIt(t)
			require.Zero(t, m.addRepository(heading, releaseKey).Status)
			m.requireVersion(version(t))
			m.requireLogin()
			m.must("/usr/bin/eic", "enable", "--replace", "--deny-user=root")
			chosen := m.read(dropIn)
			require.Contains(t, chosen, "root")

			m.must("/bin/sh", "-euc", "yes | "+goBack(t, map[string]string{"apt": "eic=", "dnf": "dnf downgrade"}[tool]))
			m.requireVersion(previous)
			require.Equal(t, chosen, m.read(dropIn))
			m.requireLogin()

			m.must("/bin/sh", "-euc", "yes | "+map[string]string{"apt": "apt-get install eic", "dnf": "dnf upgrade eic"}[tool])
			m.requireVersion(version(t))
			require.Equal(t, chosen, m.read(dropIn))
			m.requireLogin()
		})
	}
}

func TestRepositorySignedByAnotherKeyIsRefused(t *testing.T) {
	for family, startIt := range families() {
		t.Run(family, func(t *testing.T) {
			m := startIt(t)
			tool, _, _ := strings.Cut(family, " ")
			require.NotZero(t, m.addRepository("Install from "+tool, otherKey).Status)
			require.False(t, m.exists("/usr/bin/eic"))
		})
	}
}

// goBack returns the command for a downgrade that contains a text, from the page on
// installation.
func goBack(t *testing.T, text string) string {
	t.Helper()
	page := documented(t, "how-to/install.md")
	for _, line := range strings.Split(indented(t, page, "Back to an earlier version"), "\n") {
		if strings.Contains(line, text) {
			return strings.ReplaceAll(line, "0.1.0", previous)
		}
	}
	require.Fail(t, "how-to/install.md has no downgrade command that contains "+text)
	return ""
}

func TestDowngradeFromPackageFilesKeepsSettings(t *testing.T) {
	for name, test := range map[string]struct {
		start   func(t *testing.T) machine
		install func(m machine)
		command string
	}{
		"apt": {func(t *testing.T) machine { return startOffline(t, "bookworm") }, func(m machine) { m.installDeb(newDeb) }, "./eic_"},
		"install.sh with apt": {func(t *testing.T) machine { return startOffline(t, "trixie") },
			func(m machine) { m.installDeb(newDeb) }, "install.sh"},
		"rpm":                 {startRPM, func(m machine) { m.must("/usr/bin/rpm", "-i", m.copyIn(file(m.t, newRPM))) }, "--oldpackage"},
		"install.sh with rpm": {startRPM, func(m machine) { m.must("/usr/bin/rpm", "-i", m.copyIn(file(m.t, newRPM))) }, "install.sh"},
	} {
		t.Run(name, func(t *testing.T) {
			m := test.start(t)
			test.install(m)
			m.must("/usr/bin/eic", "enable", "--replace", "--deny-user=root")
			m.write(settingsFile, m.read(settingsFile)+"deny-user bob\n")
			dropped, settings := m.read(dropIn), m.read(settingsFile)
			m.copyFrom("old", "/run/earlier")
			m.copyFile(filepath.Join(module, "packaging/install.sh"), "/run/earlier/install.sh")
			require.NotZero(t, m.run("/bin/sh", "-c", "cd /run/earlier && sh install.sh").Status, "install.sh downgraded without being asked to")

			m.must("/bin/sh", "-c", "cd /run/earlier && yes | "+goBack(t, test.command))
			m.requireVersion(previous)
			require.Equal(t, dropped, m.read(dropIn))
			require.Equal(t, settings, m.read(settingsFile))
			m.requireLogin()
		})
	}
}
