package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"eic/test/host/mount"
)

// mounts are the mounts for one host, in order.
type mounts []string

func (m *mounts) mount(source, target, kind string, flags uintptr, data string) error {
	if err := mount.Mount(source, target, kind, flags, data); err != nil {
		return err
	}
	*m = append(*m, target)
	return nil
}

// tmpfs mounts an empty directory over target. Its mode matters: sshd runs no command below a
// directory that others may write to.
func (m *mounts) tmpfs(target string) error {
	return m.mount("tmpfs", target, "tmpfs", mount.NoSUID, "mode=755")
}

// overlay redirects later writes below target to a directory below layers.
func (m *mounts) overlay(target, layers string) error {
	upper := filepath.Join(layers, target, "upper")
	work := filepath.Join(layers, target, "work")
	for _, dir := range []string{upper, work} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return m.mount("overlay", target, "overlay", 0,
		fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", target, upper, work))
}

// undo unmounts everything in reverse order.
func (m *mounts) undo() error {
	var failed []error
	for _, target := range slices.Backward(*m) {
		failed = append(failed, mount.Unmount(target))
	}
	*m = nil
	return errors.Join(failed...)
}

// mountAll mounts the host's /dev, /proc, /run and /sys. If the host has this machine's files,
// it also mounts the layers that protect them.
func (h *Host) mountAll() error {
	for _, dir := range []string{"/run", "/dev", "/sys"} {
		if err := h.mounts.tmpfs(h.Path(dir)); err != nil {
			return err
		}
	}
	if h.options.Root != "/" {
		if err := h.mounts.mount("proc", h.Path("/proc"), "proc", mount.NoSUID, ""); err != nil {
			return err
		}
	} else {
		for _, dir := range []string{"/etc", "/opt", "/usr/bin", "/var/log"} {
			if err := h.mounts.overlay(dir, "/run/layers"); err != nil {
				return err
			}
		}
	}
	for _, dir := range []string{h.Path("/run/sshd"), h.Path("/run/home"), h.Dir()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return h.makeDevices()
}

// makeDevices creates the devices that every system has (Documentation/admin-guide/devices.txt of
// Linux).
func (h *Host) makeDevices() error {
	for _, device := range []struct {
		name         string
		major, minor uint32
	}{
		{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
	} {
		path := h.Path("/dev/" + device.name)
		if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(device.major, device.minor))); err != nil {
			return fmt.Errorf("making %s: %w", path, err)
		}
		if err := os.Chmod(path, 0o666); err != nil { // overrides the umask
			return err
		}
	}
	return os.Symlink("/proc/self/fd", h.Path("/dev/fd"))
}
