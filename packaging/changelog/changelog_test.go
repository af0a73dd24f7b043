package main

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

const text = `# Changelog

Words about it.

## [0.2.0] - unreleased

### Added

- ` + "`eic policy`" + ` says what the [rules](docs/policy.md) say, in a sentence that is longer than one
  line of a changelog may be.

### Fixed

- One thing.
- Another.

## [0.1.0] - 2026-11-22

### Added

- The first.
`

func made(t *testing.T, form, changelog string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := run([]string{form, "eic-sim", "0.2.0~git1-1", "1795761664", "Eva <eva@example.com>"}, strings.NewReader(changelog), &out)
	return out.String(), err
}

func TestChangelogOfADeb(t *testing.T) {
	deb, err := made(t, "deb", text)
	require.NoError(t, err)
	require.Equal(t, `eic-sim (0.2.0~git1-1) unstable; urgency=medium

  [ Added ]
  * eic policy says what the rules say, in a sentence that is longer than one
    line of a changelog may be.

  [ Fixed ]
  * One thing.
  * Another.

 -- Eva <eva@example.com>  Fri, 27 Nov 2026 06:41:04 +0000

eic-sim (0.1.0-1) unstable; urgency=medium

  [ Added ]
  * The first.

 -- Eva <eva@example.com>  Sun, 22 Nov 2026 12:00:00 +0000
`, deb)
}

func TestChangelogOfAnRPM(t *testing.T) {
	rpm, err := made(t, "rpm", text)
	require.NoError(t, err)
	require.JSONEq(t, `[
		{"semver": "0.2.0~git1-1", "date": "2026-11-27T06:41:04Z", "packager": "Eva <eva@example.com>", "changes": [
			{"note": "Added: eic policy says what the rules say, in a sentence that is longer\n  than one line of a changelog may be."},
			{"note": "Fixed: One thing."}, {"note": "Fixed: Another."}]},
		{"semver": "0.1.0-1", "date": "2026-11-22T12:00:00Z", "packager": "Eva <eva@example.com>", "changes": [{"note": "Added: The first."}]}
	]`, rpm)
}

// Packages must not lack a change that a person wrote into the changelog.
func TestAnInvalidChangelogIsAnError(t *testing.T) {
	for name, changelog := range map[string]string{
		"no section":                "# Changelog\n",
		"a section without changes": "## [0.2.0] - unreleased\n",
		"no version":                "## [Unreleased]\n\n### Added\n\n- One.\n" + text,
		"two unreleased sections":   strings.Replace(text, "2026-11-22", "unreleased", 1),
		"an invalid date":           strings.Replace(text, "2026-11-22", "2026-02-30", 1),
		"a change without kind":     strings.Replace(text, "### Added", "", 1),
		"another sort of bullet":    strings.Replace(text, "- One", "* One", 1),
		"a paragraph":               strings.Replace(text, "### Fixed", "Words.", 1),
	} {
		_, err := made(t, "deb", changelog)
		require.Error(t, err, name)
	}
}

func TestTheProjectsChangelogIsValid(t *testing.T) {
	changelog, err := os.ReadFile("../../CHANGELOG.md")
	require.NoError(t, err)
	deb, err := made(t, "deb", string(changelog))
	require.NoError(t, err)
	for line := range strings.Lines(deb) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), 80, line)
	}
}
