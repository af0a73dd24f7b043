// Package documents checks the documentation against the source tree: links have targets, and the
// tests that pages name exist.
package documents

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// pages returns the text of every Markdown page, by its path below root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, path := range files(t, ".md") {
		text, err := os.ReadFile(filepath.Join(root, path))
		require.NoError(t, err)
		found[path] = string(text)
	}
	require.Contains(t, found, "README.md")
	return found
}

// files returns the paths of files whose name ends in suffix.
func files(t *testing.T, suffix string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && (name == ".git" || name == ".tools" || name == "build" || name == "node_modules") {
			return filepath.SkipDir
		}
		if !entry.IsDir() && strings.HasSuffix(name, suffix) {
			relative, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			found = append(found, relative)
		}
		return nil
	})
	require.NoError(t, err)
	return found
}

func TestLinksHaveTargets(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)
	for page, text := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			target := match[1]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			_, err := os.Stat(filepath.Join(root, filepath.Dir(page), target))
			require.NoError(t, err, "a link in %s", page)
		}
	}
}

func TestEveryPageIsReachedFromTheREADME(t *testing.T) {
	all := pages(t)
	link := regexp.MustCompile(`\]\(([^)#:]+)`)
	reached := map[string]bool{}
	var visit func(page string)
	visit = func(page string) {
		if reached[page] {
			return
		}
		reached[page] = true
		for _, match := range link.FindAllStringSubmatch(all[page], -1) {
			target := filepath.Join(filepath.Dir(page), match[1])
			if strings.HasSuffix(target, ".md") {
				visit(target)
			}
		}
	}
	visit("README.md")
	for page := range all {
		if strings.HasPrefix(page, "docs/") && !strings.HasPrefix(page, "docs/decisions/") {
			require.True(t, reached[page], "no chain of links leads from the README to %s", page)
		}
	}
}

// A threat model that names a removed test promises too much.
func TestTestsNamedOnPagesExist(t *testing.T) {
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	exists := map[string]bool{}
	for _, path := range files(t, "_test.go") {
		text, err := os.ReadFile(filepath.Join(root, path))
		require.NoError(t, err)
		for _, match := range function.FindAllStringSubmatch(string(text), -1) {
			exists[match[1]] = true
		}
	}
	named := regexp.MustCompile("(?:`|<!-- run by: )((?:Test|Fuzz)[A-Z]\\w+)(?:`| -->)")
	for page, text := range pages(t) {
		for _, match := range named.FindAllStringSubmatch(text, -1) {
			require.True(t, exists[match[1]], "%s names the test %s, which does not exist", page, match[1])
		}
	}
}

// The first sentence of a page must tell a reader whether the page is for them.
func TestPageNamesItsReadersAndTheirResult(t *testing.T) {
	first := regexp.MustCompile(`(?s)^# [^\n]+\n\nFor [^.]+: at the end\s[^.]+[.]`)
	for page, text := range pages(t) {
		for _, kind := range []string{"tutorials", "how-to", "reference", "explanation"} {
			if strings.HasPrefix(page, "docs/"+kind+"/") {
				require.Regexp(t, first, text, page)
			}
		}
	}
}

// A newcomer must be able to read the whole README at once.
func TestREADMEFitsOneScreen(t *testing.T) {
	require.Less(t, strings.Count(pages(t)["README.md"], "\n"), 66)
}

func TestMakeTargetsNamedOnPagesExist(t *testing.T) {
	targets := map[string]bool{}
	rule := regexp.MustCompile(`(?m)^([a-z-]+):`)
	for _, path := range append(files(t, ".mk"), "Makefile") {
		text, err := os.ReadFile(filepath.Join(root, path))
		require.NoError(t, err)
		for _, match := range rule.FindAllStringSubmatch(string(text), -1) {
			targets[match[1]] = true
		}
	}
	named := regexp.MustCompile("(?m)(?:`|^    )make ([a-z-]+)")
	for page, text := range pages(t) {
		for _, match := range named.FindAllStringSubmatch(text, -1) {
			require.True(t, targets[match[1]], "%s names the make target %s, which does not exist", page, match[1])
		}
	}
}
