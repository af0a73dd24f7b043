//go:build packages

package packages

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// documented returns a page of the documentation, as it would be for what was built.
func documented(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(module, "docs", page))
	require.NoError(t, err)
	return asBuilt(t, string(text))
}

// asBuilt puts the version that was built in the place of the next release's, which
// pages and files name: only a build of its tag has that.
func asBuilt(t *testing.T, text string) string {
	t.Helper()
	changelog, err := os.ReadFile(filepath.Join(module, "CHANGELOG.md"))
	require.NoError(t, err)
	release := regexp.MustCompile(`(?m)^## \[([0-9.]+)\]`).FindStringSubmatch(string(changelog))[1]
	return strings.ReplaceAll(text, release, version(t))
}

// indented returns the indented lines below a heading.
func indented(t *testing.T, text, heading string) string {
	t.Helper()
	_, text, found := strings.Cut(text, "\n## "+heading+"\n")
	require.True(t, found, heading)
	text, _, _ = strings.Cut(text, "\n## ")
	lines := regexp.MustCompile(`(?m)^    (.*)$`).FindAllStringSubmatch(text, -1)
	var script []string
	for _, line := range lines {
		script = append(script, line[1])
	}
	require.NotEmpty(t, script)
	return strings.Join(script, "\n")
}

// The commands of docs/how-to/install.md for a family, as they stand there: the first
// installs, the second removes.
func TestInstallDocumentation(t *testing.T) {
	for family, startIt := range map[string]func(t *testing.T) machine{
		"Debian, Ubuntu":             func(t *testing.T) machine { return start(t, "bookworm") },
		"Amazon Linux, RHEL, Fedora": startRPM,
		"Amazon Linux 2, SUSE":       startRPM,
	} {
		t.Run(family, func(t *testing.T) {
			row := regexp.MustCompile("(?m)^\\| " + family + " \\| `(.*?)` \\| `(.*?)` \\|$").FindStringSubmatch(documented(t, "how-to/install.md"))
			require.NotNil(t, row)
			m := startIt(t)
			before := m.listing()
			m.copyPackages("/run/packages")
			m.must("/bin/sh", "-c", "cd /run/packages && yes | "+row[1])
			m.requireLogin()
			m.must("/bin/sh", "-c", "yes | "+row[2])
			m.requireListing(before)
		})
	}
}

func TestTarballDocumentation(t *testing.T) {
	m := start(t, "bookworm")
	m.copyPackages("/run/packages")
	m.must("/bin/sh", "-euc", "cd /run/packages\n"+indented(t, documented(t, "how-to/install.md"), "Any other system")+" || [ $? -eq 2 ]")
	m.requireLogin()
}
