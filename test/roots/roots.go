// Package roots makes the roots of Debian that tests install packages and run programs
// in, and keeps them from one run to the next in /var/cache/eic-test-roots.
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

// cache is where roots are kept from one run to the next.
const cache = "/var/cache/eic-test-roots"

// recipe is what a root is made of: a release of Debian, and packages of it.
type recipe struct {
	name, suite string
	packages    []string
}

func recipes() []recipe {
	return []recipe{
		// The first release whose AWS CLI opens tunnels.
		{"clients", "trixie", []string{"openssh-server", "openssh-client", "awscli", "ca-certificates", "iproute2"}},
		// One without systemd-sysusers, and one with it.
		{"bookworm", "bookworm", []string{"openssh-server", "ca-certificates", "curl"}},
		{"trixie", "trixie", []string{"openssh-server", "ca-certificates", "systemd"}},
		{"rpm", "trixie", []string{"openssh-server", "ca-certificates", "systemd", "rpm", "dnf", "pacman-package-manager", "ansible-core"}},
		{"tools", "trixie", []string{
			"lintian", "rpmlint", "rpm", "shellcheck", "yamllint", "cloud-init", "ansible-core", "ansible-lint",
			"man-db", "mandoc", "zsh", "fish", "qemu-user", "awscli", "python3-apt", "openssh-server",
			"selinux-policy-default", "policycoreutils", "semodule-utils", "setools",
		}},
		// With bookworm and trixie, an sshd of each release of Debian.
		{"bullseye", "bullseye", []string{"openssh-server", "ca-certificates"}},
		{"sid", "sid", []string{"openssh-server", "ca-certificates"}},
		// The last release that has it.
		{"packer", "bookworm", []string{"packer"}},
	}
}

// directory is where the root is, or will be. A recipe that changes makes
// another one.
func (r recipe) directory() string {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%q", r)))
	return filepath.Join(cache, fmt.Sprintf("%s-%x", r.name, sum[:6]))
}

// Make makes the roots with the given names, or all of them, unless they are there.
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

// make makes the root, unless it is there. Another process that makes the same one is
// waited for: "go test" runs packages in parallel.
func (r recipe) make(ctx context.Context) error {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(cache, r.name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // which unlocks it
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
	// Installing a daemon here must not start it.
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

// forget removes roots that were made by earlier recipes of this name.
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

// run runs a command that has to succeed.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// Copy returns the directory of a copy of a root, which is gone when the test ends.
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

// layer returns a directory with what is in another one. What is written there
// goes to memory.
func layer(t *testing.T, lower string) string {
	t.Helper()
	base, err := os.MkdirTemp("", "eic-test-root-") // without the test's name, which may have commas
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
