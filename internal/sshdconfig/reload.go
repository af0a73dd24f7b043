package sshdconfig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// reload makes a running sshd read its configuration and returns what it
// reloaded. Logins in progress are not touched, and nothing is started or
// stopped. Inside a chroot, and for another root, the sshd that runs is not the
// one that was configured, and nothing is done.
func (h Host) reload(ctx context.Context, unitsChanged bool) (string, error) {
	if h.root() != "/" || inChroot() {
		return "", nil
	}
	if h.booted() {
		return h.reloadUnit(ctx, unitsChanged)
	}
	return h.reloadProcess(ctx)
}

// inChroot reports whether the first process is seen to have another root, or
// no process is seen at all. Some containers hide it from root: there the answer
// is no, and what is left is that only an sshd with our root is reloaded.
func inChroot() bool {
	first, err := os.Stat("/proc/1/root")
	if err != nil {
		return !errors.Is(err, fs.ErrPermission)
	}
	ours, err := os.Stat("/")
	return err != nil || !os.SameFile(ours, first)
}

// isOurServer reports whether a process is an sshd that has our root.
func isOurServer(pid int) bool {
	process := fmt.Sprintf("/proc/%d/", pid)
	name, err := os.ReadFile(process + "comm")
	if err != nil || string(name) != "sshd\n" {
		return false
	}
	ours, err := os.Stat("/")
	if err != nil {
		return false
	}
	its, err := os.Stat(process + "root")
	return err == nil && os.SameFile(ours, its)
}

// reloadUnit has systemd reload the unit of the sshd that listens.
func (h Host) reloadUnit(ctx context.Context, unitsChanged bool) (string, error) {
	systemctl, found := firstExisting(h.tree(), "/usr/bin/systemctl", "/bin/systemctl")
	if !found {
		return "", errors.New("reloading sshd, whose new configuration is in place: found no systemctl")
	}
	if unitsChanged {
		if _, stderr, err := h.run(ctx, systemctl, "daemon-reload"); err != nil {
			return "", fmt.Errorf("running systemctl daemon-reload: %w: %q", err, said(stderr))
		}
	}
	for _, unit := range []string{"ssh.service", "sshd.service"} {
		stdout, stderr, err := h.run(ctx, systemctl, "show", "--property=MainPID", unit)
		if err != nil {
			return "", fmt.Errorf("asking systemd for the process of %s: %w: %q", unit, err, said(stderr))
		}
		pid, err := strconv.Atoi(strings.TrimPrefix(string(bytes.TrimSpace(stdout)), "MainPID="))
		if err != nil || !isOurServer(pid) {
			continue // 0: it does not run, or that is not its name here
		}
		if _, stderr, err := h.run(ctx, systemctl, "reload", unit); err != nil {
			return "", fmt.Errorf("reloading %s, whose new configuration is in place: %w: %q", unit, err, said(stderr))
		}
		return unit, nil
	}
	return "", nil
}

// reloadProcess sends SIGHUP to the sshd that its PidFile names (sshd(8)).
func (h Host) reloadProcess(ctx context.Context) (string, error) {
	values, err := h.effective(ctx, nil)
	if err != nil {
		return "", err
	}
	data, err := readIfThere(h.tree(), values["pidfile"])
	if err != nil {
		return "", err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || !isOurServer(pid) {
		return "", nil // no sshd listens, or one that is gone left its PidFile
	}
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		return "", fmt.Errorf("reloading sshd (process %d), whose new configuration is in place: %w", pid, err)
	}
	return fmt.Sprintf("process %d", pid), nil
}
