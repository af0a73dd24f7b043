//go:build packages

// Package packages installs the packages into roots of Debian, upgrades them, logs in, and
// removes them. It also runs linters over everything that is packaged.
//
// It needs root, debootstrap and a network for the first run, which makes the
// roots and keeps them in /var/cache/eic-test-roots. A tool that is missing is
// a failure.
package packages

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
	"eic/test/host/hosttest"
	"eic/test/roots"
)

func TestMain(m *testing.M) { os.Exit(hosttest.Main(m, prepare)) }

// module is the directory of go.mod, from here.
const module = "../.."

// previous is the version that tests upgrade from, later the one that they downgrade from.
const (
	previous = "0.0.9"
	later    = "99.0.0"
)

// prepare makes the roots, and in dir: the packages ("new"), a signed release ("signed"), a
// signed earlier version ("old"), a signed later version ("later"), and stand-ins for AWS's
// package ("older").
func prepare(ctx context.Context, dir string) error {
	if err := roots.Make(ctx); err != nil {
		return err
	}
	if err := inModule(ctx, nil, "make", "packages", "ssm-package"); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // readable without root
		return err
	}
	for _, name := range []string{"new", "old", "later", "older"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	if err := inModule(ctx, nil, "cp", "-rT", "build/packages", filepath.Join(dir, "new")); err != nil {
		return err
	}
	if err := prepareKeys(ctx, dir); err != nil {
		return err
	}
	common := append(signing(dir), "ARCH=amd64", "RELEASE=1", "MAINTAINER=eic maintainers <maintainers@eic.invalid>")
	for name, version := range map[string]string{"old": previous, "later": later} {
		for _, format := range []string{"deb", "rpm"} {
			if err := inModule(ctx, append(common, "VERSION="+version), ".tools/nfpm", "package",
				"-f", "packaging/nfpm.yaml", "-p", format, "-t", filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	if err := prepareSigned(ctx, dir); err != nil {
		return err
	}
	for name, format := range map[string]string{"deb": "deb", "rpm": "rpm", "rpm-2": "rpm", "rpm-config": "rpm", "rpm-selinux": "rpm", "base": "rpm"} {
		if err := inModule(ctx, nil, ".tools/nfpm", "package",
			"-f", "test/packages/testdata/older/"+name+".yaml", "-p", format, "-t", filepath.Join(dir, "older")); err != nil {
			return err
		}
	}
	return nil
}

// inModule runs a command in the module's directory.
func inModule(ctx context.Context, environment []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), environment...)
	return run(cmd)
}

// file returns the one file that prepare made whose name matches, such as
// "new/eic_.*_amd64.deb".
func file(t *testing.T, pattern string) string {
	t.Helper()
	directory, name := filepath.Split(pattern)
	entries, err := os.ReadDir(filepath.Join(host.Prepared(), directory))
	require.NoError(t, err)
	var found []string
	for _, e := range entries {
		if regexp.MustCompile("^" + name + "$").MatchString(e.Name()) {
			found = append(found, filepath.Join(host.Prepared(), directory, e.Name()))
		}
	}
	require.Len(t, found, 1, pattern)
	return found[0]
}

// run runs a command and returns an error unless it succeeds.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}
