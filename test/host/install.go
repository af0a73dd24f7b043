package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// Binary is the path of the installed eic.
const Binary = "/usr/bin/eic"

// ReleaseFlags returns the flags of go build for a release. They are also in the Makefile's
// GOBUILD.
func ReleaseFlags() []string {
	return []string{"-trimpath", "-tags=nethttpomithttp2", "-ldflags=-s -w"}
}

// BuildRelease builds a command with the flags of a release, static and stripped, into a file.
// flags are additional flags of go build.
func BuildRelease(ctx context.Context, file, command string, flags ...string) error {
	args := slices.Concat([]string{"build", "-buildvcs=false", "-o", file}, ReleaseFlags(), flags, []string{command})
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", command, err, out)
	}
	return nil
}

// Build builds eic into a directory. It is for the prepare function of Run, because a host has no
// network to download modules.
func Build(ctx context.Context, dir string) error {
	return BuildRelease(ctx, filepath.Join(dir, "eic"), "eic/cmd/eic")
}

// Install installs the eic that Build has built, and adds its system user. Unlike a package, it
// does not configure sshd.
func (h *Host) Install() error {
	text, err := os.ReadFile(filepath.Join(Prepared(), "eic"))
	if err != nil {
		return fmt.Errorf("installing eic: %w", err)
	}
	if err := h.WriteFile(Binary, text); err != nil {
		return fmt.Errorf("installing eic: %w", err)
	}
	if err := os.Chmod(h.Path(Binary), 0o755); err != nil {
		return err
	}
	return h.addAccount(ServiceUser, serviceUserID, "/nonexistent", "/usr/sbin/nologin")
}
