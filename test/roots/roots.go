// Package roots makes roots of Debian, in which tests install packages and run programs. It keeps
// them between runs in /var/cache/eic-test-roots.
//
// Making one needs root, debootstrap and a network.
package roots

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"eic/test/host/mount"
)

// cache is the directory that keeps roots between runs.
const cache = "/var/cache/eic-test-roots"

// recipe describes a root: a release of Debian, and packages of it.
type recipe struct {
	name, suite string
	packages    []string
}

func recipes() []recipe {
	return []recipe{
		// This is the first release whose AWS CLI opens tunnels.
		{"clients", "trixie", []string{"openssh-server", "openssh-client", "awscli", "ca-certificates", "iproute2"}},
		// The first has no systemd-sysusers, the second has it.
		{"bookworm", "bookworm", []string{"openssh-server", "ca-certificates", "curl"}},
		{"trixie", "trixie", []string{"openssh-server", "ca-certificates", "systemd"}},
		{"rpm", "trixie", []string{"openssh-server", "ca-certificates", "systemd", "rpm", "dnf", "pacman-package-manager", "ansible-core"}},
		{"tools", "trixie", []string{
			"lintian", "rpmlint", "rpm", "shellcheck", "yamllint", "cloud-init", "ansible-core", "ansible-lint",
			"man-db", "mandoc", "zsh", "fish", "qemu-user", "awscli", "python3-apt", "openssh-server",
			"selinux-policy-default", "policycoreutils", "semodule-utils", "setools",
		}},
		// With bookworm and trixie, these have the sshd of each release of Debian.
		{"bullseye", "bullseye", []string{"openssh-server", "ca-certificates"}},
		{"sid", "sid", []string{"openssh-server", "ca-certificates"}},
		// This is the last release that has packer.
		{"packer", "bookworm", []string{"packer"}},
	}
}

// directory returns the directory of the root, which depends on the recipe.
func (r recipe) directory() string {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%q", r)))
	return filepath.Join(cache, fmt.Sprintf("%s-%x", r.name, sum[:6]))
}

// Make makes the roots with the given names, or all roots, unless they exist.
func Make(ctx context.Context, names ...string) error {
	for _, r := range recipes() {
		if len(names) > 0 && !slices.Contains(names, r.name) {
			continue
		}
		if err := r.make(ctx); err != nil {
			return fmt.Errorf("making the root %s: %w", r.name, err)
		}
	}
	return nil
}

// make makes the root, unless it exists. It waits for another process that makes the same root,
// because "go test" runs packages in parallel.
func (r recipe) make(ctx context.Context) error {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(cache, r.name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // closing unlocks the file
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	if _, err := os.Stat(r.directory()); err == nil {
		return nil
	}
	if _, err := exec.LookPath("debootstrap"); err != nil {
		return errors.New("debootstrap is missing: apt-get install debootstrap")
	}
	draft := r.directory() + ".draft"
	if err := os.RemoveAll(draft); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "making the root %s in %s\n", r.name, cache)
	if err := run(exec.CommandContext(ctx, "debootstrap", "--variant=minbase", r.suite, draft)); err != nil {
		return err
	}
	// Installing a daemon in the root must not start it.
	if err := os.WriteFile(filepath.Join(draft, "usr/sbin/policy-rc.d"), []byte("#!/bin/sh\nexit 101\n"), 0o755); err != nil {
		return err
	}
	install := exec.CommandContext(ctx, "unshare", "--mount", "sh", "-ec", `
		root=$1; shift
		mount -t proc proc "$root/proc"
		chroot "$root" apt-get -q -y --no-install-recommends install "$@"
		chroot "$root" apt-get clean`, "sh", draft)
	install.Args = append(install.Args, r.packages...)
	install.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"}
	if err := run(install); err != nil {
		return err
	}
	if err := r.forget(); err != nil {
		return err
	}
	return os.Rename(draft, r.directory())
}

// forget removes roots of earlier recipes with this name.
func (r recipe) forget() error {
	earlier, err := filepath.Glob(filepath.Join(cache, r.name+"-????????????"))
	if err != nil {
		return err
	}
	for _, directory := range earlier {
		if err := os.RemoveAll(directory); err != nil {
			return err
		}
	}
	return nil
}

// run runs a command and returns an error unless it succeeds.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// Copy returns the directory of a copy of a root. The copy is removed when the test ends.
func Copy(t *testing.T, name string) string {
	t.Helper()
	for _, r := range recipes() {
		if r.name == name {
			return layer(t, r.directory())
		}
	}
	require.Fail(t, "there is no root "+name)
	return ""
}

// layer returns a directory with the files of another one. Writes to it go to memory.
func layer(t *testing.T, lower string) string {
	t.Helper()
	base, err := os.MkdirTemp("", "eic-test-root-") // not t.TempDir, because the test's name may have commas
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.Remove(base)) })
	require.NoError(t, mount.Mount("tmpfs", base, "tmpfs", 0, "mode=755"))
	t.Cleanup(func() { require.NoError(t, mount.Unmount(base)) })
	merged := filepath.Join(base, "merged")
	for _, dir := range []string{"upper", "work", "merged"} {
		require.NoError(t, os.Mkdir(filepath.Join(base, dir), 0o755))
	}
	require.NoError(t, mount.Mount("overlay", merged, "overlay", 0,
		fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", lower, base, base)))
	t.Cleanup(func() { require.NoError(t, mount.Unmount(merged)) })
	return merged
}
