package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Binary is where eic is installed.
const Binary = "/usr/bin/eic"

// Build builds eic as it is released, static and stripped, into a directory. It is
// for Run, whose host has no network to fetch modules over.
func Build(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags=nethttpomithttp2",
		"-ldflags=-s -w", "-o", filepath.Join(dir, "eic"), "eic/cmd/eic")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building eic: %w\n%s", err, out)
	}
	return nil
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
	return h.addAccount(ServiceUser, firstUser-1, "/nonexistent", "/usr/sbin/nologin")
}
