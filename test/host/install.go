package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// Binary is where eic is installed.
const Binary = "/usr/bin/eic"

// ReleaseFlags are those of go build that a release is built with; the Makefile's
// GOBUILD has them too.
func ReleaseFlags() []string {
	return []string{"-trimpath", "-tags=nethttpomithttp2", "-ldflags=-s -w"}
}

// BuildRelease builds a command as it is released, static and stripped, into a file.
// More flags of go build may follow.
func BuildRelease(ctx context.Context, file, command string, flags ...string) error {
	args := slices.Concat([]string{"build", "-buildvcs=false", "-o", file}, ReleaseFlags(), flags, []string{command})
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", command, err, out)
	}
	return nil
}

// Build builds eic into a directory. It is for Run, whose host has no network to
// fetch modules over.
func Build(ctx context.Context, dir string) error {
	return BuildRelease(ctx, filepath.Join(dir, "eic"), "eic/cmd/eic")
}

// Install does what a package does, short of sshd's configuration: it installs the
// eic that Build has built, and the system user that it runs as.
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
