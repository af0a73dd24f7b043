//go:build packages

package packages

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	apk "github.com/knqyf263/go-apk-version"
	"github.com/stretchr/testify/require"
)

// version returns the version of the program that "make packages" built.
func version(t *testing.T) string {
	t.Helper()
	out, err := exec.Command(filepath.Join(module, "build/stage/amd64/eic"), "version").Output()
	require.NoError(t, err)
	return strings.Fields(string(out))[1]
}

// as returns a version in the notation of a package format.
func as(t *testing.T, family, version string) string {
	t.Helper()
	cmd := exec.Command("packaging/version", family, version)
	cmd.Dir = module
	out, err := cmd.Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// The program, the package and its changelog have the same version.
func TestProgramPackageAndChangelogHaveTheSameVersion(t *testing.T) {
	t.Run("deb", func(t *testing.T) {
		m := start(t, "bookworm")
		m.installDeb(newDeb)
		m.requireVersion(version(t))
		require.Contains(t, m.must("/usr/bin/eic", "version"), "eic "+version(t)+" (commit ")
		changelog := m.must("/usr/bin/zcat", "/usr/share/doc/eic/changelog.Debian.gz")
		require.True(t, strings.HasPrefix(changelog, "eic ("+version(t)+"-1) unstable; "), changelog)
	})
	t.Run("rpm", func(t *testing.T) {
		m := startRPM(t)
		m.must("/usr/bin/rpm", "-i", m.copyIn(file(t, newRPM)))
		m.requireVersion(version(t))
		require.Contains(t, m.must("/usr/bin/eic", "version"), "eic "+version(t)+" (commit ")
		require.Contains(t, m.must("/usr/bin/rpm", "-q", "--changelog", "eic"), "> - "+version(t)+"-1\n- Added: ")
	})
}

// An upgrade must go from each of these versions to the next.
func TestPackageManagersSortASnapshotBelowItsRelease(t *testing.T) {
	versions := []string{
		"0.1.0", "0.2.0~git20261127.5e90712", "0.2.0~git20261127.5e90712.dirty", "0.2.0~git20261128.00000ff", "0.2.0~git20270101.fffffff",
		"0.2.0", "0.2.1~git20261127.5e90712", "0.10.0",
	}
	w := open(t, "rpm")
	// Each function reports whether version a is lower than version b.
	comparers := map[string]func(a, b string) bool{
		"deb": func(a, b string) bool { return w.run("dpkg --compare-versions '"+a+"-1' lt '"+b+"-1'").Status == 0 },
		"rpm": func(a, b string) bool {
			return w.must("rpm --eval '%{lua: print(rpm.vercmp(\""+a+"-1\", \""+b+"-1\"))}'") == "-1\n"
		},
		// Debian's pacman lacks the program vercmp, which calls this function.
		"archlinux": func(a, b string) bool {
			return w.must("python3 -c 'import ctypes, glob; "+
				"print(ctypes.CDLL(glob.glob(\"/usr/lib/*/libalpm.so.*\")[0]).alpm_pkg_vercmp(b\""+a+"-1\", b\""+b+"-1\"))'") == "-1\n"
		},
		// Debian has no apk. This Go package implements apk's rules.
		"apk": func(a, b string) bool {
			require.True(t, apk.Valid(a+"-r1"), a)
			return apk.Version(a + "-r1").LessThan(apk.Version(b + "-r1"))
		},
	}
	for family, lower := range comparers {
		t.Run(family, func(t *testing.T) {
			for i := 1; i < len(versions); i++ {
				require.True(t, lower(as(t, family, versions[i-1]), as(t, family, versions[i])), "expected %s < %s", versions[i-1], versions[i])
				require.False(t, lower(as(t, family, versions[i]), as(t, family, versions[i-1])), "expected %s < %s", versions[i-1], versions[i])
			}
		})
	}
}
