package enable

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"eic/internal/sshd"
)

// reload makes a running sshd read its configuration and returns what it
// reloaded. Logins in progress are not touched, and nothing is started or
// stopped. Inside a chroot, and for another root, the sshd that runs is not the
// one that was configured, and nothing is done.
func reload(ctx context.Context, h sshd.Host, unitsChanged bool) (string, error) {
	if !h.Running() {
		return "", nil
	}
	if h.Booted() {
		return reloadUnit(ctx, h, unitsChanged)
	}
	return reloadProcess(ctx, h)
}

// reloadUnit has systemd reload the unit of the sshd that listens.
func reloadUnit(ctx context.Context, h sshd.Host, unitsChanged bool) (string, error) {
	if unitsChanged {
		if _, err := h.Systemctl(ctx, "daemon-reload"); err != nil {
			return "", fmt.Errorf("running systemctl daemon-reload: %w", err)
		}
	}
	for _, unit := range []string{"ssh.service", "sshd.service"} {
		stdout, err := h.Systemctl(ctx, "show", "--property=MainPID", unit)
		if err != nil {
			return "", fmt.Errorf("asking systemd for the process of %s: %w", unit, err)
		}
		pid, err := strconv.Atoi(strings.TrimPrefix(string(bytes.TrimSpace(stdout)), "MainPID="))
		if err != nil || !sshd.IsServer(pid) {
			continue // 0: it does not run, or that is not its name here
		}
		if _, err := h.Systemctl(ctx, "reload", unit); err != nil {
			return "", fmt.Errorf("reloading %s, whose new configuration is in place: %w", unit, err)
		}
		return unit, nil
	}
	return "", nil
}

// reloadProcess sends SIGHUP to the sshd that its PidFile names (sshd(8)).
func reloadProcess(ctx context.Context, h sshd.Host) (string, error) {
	pid, found, err := h.ListeningProcess(ctx)
	if err != nil || !found {
		return "", err
	}
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		return "", fmt.Errorf("reloading sshd (process %d), whose new configuration is in place: %w", pid, err)
	}
	return fmt.Sprintf("process %d", pid), nil
}
