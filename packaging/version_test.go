package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/needs"
)

// A tree is a checkout in a temporary directory, for which packaging/version is tested.
type tree struct {
	t         *testing.T
	directory string
}

func newTree(t *testing.T, changelog string) tree {
	t.Helper()
	needs.Tool(t, "git")
	r := tree{t, t.TempDir()}
	r.write("CHANGELOG.md", changelog)
	r.git("init", "-q")
	r.commit("2026-11-27T23:30:00-05:00")
	return r
}

func (r tree) write(name, text string) {
	r.t.Helper()
	require.NoError(r.t, os.WriteFile(filepath.Join(r.directory, name), []byte(text), 0o644))
}

func (r tree) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=eva", "-c", "user.email=eva@example.com"}, args...)...)
	cmd.Dir = r.directory
	out, err := cmd.Output()
	require.NoError(r.t, err)
	return string(out)
}

func (r tree) commit(when string) {
	r.t.Helper()
	r.git("add", "-A")
	r.t.Setenv("GIT_COMMITTER_DATE", when)
	r.git("commit", "-q", "--allow-empty", "-m", "change")
}

// version runs packaging/version in the tree.
func (r tree) version(args ...string) (string, error) {
	script, err := filepath.Abs("version")
	require.NoError(r.t, err)
	cmd := exec.Command(script, args...)
	cmd.Dir = r.directory
	out, err := cmd.Output()
	return string(out), err
}

func (r tree) requireVersion(expected string, args ...string) {
	r.t.Helper()
	version, err := r.version(args...)
	require.NoError(r.t, err)
	require.Equal(r.t, expected+"\n", version)
}

const (
	unreleased = "# Changelog\n\n## [0.2.0] - unreleased\n\n## [0.1.0] - 2026-11-22\n"
	released   = "# Changelog\n\n## [0.2.0] - 2026-11-28\n\n## [0.1.0] - 2026-11-22\n"
)

// The date is in UTC, whatever the committer's time zone.
func TestBuildIsNamedAfterItsCommit(t *testing.T) {
	r := newTree(t, unreleased)
	build := "git20261128." + r.git("rev-parse", "HEAD")[:7]
	r.requireVersion("0.2.0~" + build)
	r.git("tag", "v0.2.0")
	r.requireVersion("0.2.0~" + build) // the changelog says that it is not released
	r.write("new.go", "package new\n")
	r.requireVersion("0.2.0~" + build + ".dirty")
}

func TestOnlyATaggedCommitIsARelease(t *testing.T) {
	r := newTree(t, released)
	build := "git20261128." + r.git("rev-parse", "HEAD")[:7]
	r.requireVersion("0.2.0~" + build)
	r.git("tag", "-m", "0.2.0", "v0.2.0")
	r.requireVersion("0.2.0")
	r.write("CHANGELOG.md", released+"\n")
	r.requireVersion("0.2.0~" + build + ".dirty")

	// The next build would sort below the release before it.
	r.commit("2026-11-29T10:00:00Z")
	_, err := r.version()
	require.ErrorContains(t, err, "exit status 1")
	r.write("CHANGELOG.md", "## [0.3.0] - unreleased\n")
	r.commit("2026-11-29T10:00:00Z")
	r.requireVersion("0.3.0~git20261129." + r.git("rev-parse", "HEAD")[:7])
}

func TestSourceArchiveHasTheVersionOfTheChangelog(t *testing.T) {
	for changelog, version := range map[string]string{unreleased: "0.2.0~unknown", released: "0.2.0"} {
		r := newTree(t, changelog)
		require.NoError(t, os.RemoveAll(filepath.Join(r.directory, ".git")))
		r.requireVersion(version)
	}
}

func TestChangelogWithoutAVersionIsAnError(t *testing.T) {
	_, err := newTree(t, "## [Unreleased]\n").version()
	require.ErrorContains(t, err, "exit status 1")
}

func TestEachFamilyHasItsOwnFormOfVersion(t *testing.T) {
	r := newTree(t, unreleased)
	for family, expected := range map[string][3]string{
		"deb":       {"0.2.0", "0.2.0~git20261127.5e90712", "0.2.0~git20261127.00000ff.dirty"},
		"rpm":       {"0.2.0", "0.2.0~git20261127.5e90712", "0.2.0~git20261127.00000ff.dirty"},
		"apk":       {"0.2.0", "0.2.0_pre20261127_git99157778", "0.2.0_pre20261127_git255_p"},
		"archlinux": {"0.2.0", "0.2.0git20261127.5e90712", "0.2.0git20261127.00000ff.dirty"},
		"ssm":       {"0.2.0", "0.2.0-git20261127.5e90712", "0.2.0-git20261127.00000ff.dirty"},
	} {
		for i, version := range []string{"0.2.0", "0.2.0~git20261127.5e90712", "0.2.0~git20261127.00000ff.dirty"} {
			r.requireVersion(expected[i], family, version)
		}
	}
	r.requireVersion("0.2.0_pre", "apk", "0.2.0~unknown")
	_, err := r.version("ipk")
	require.ErrorContains(t, err, "exit status 2")
}
