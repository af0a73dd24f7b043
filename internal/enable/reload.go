package enable

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"eic/internal/sshd"
)

// forbidden is the exit status of invoke-rc.d --disclose-deny if policy-rc.d forbids an
// action, or if there is no init (invoke-rc.d(8)).
const forbidden = 101

// reload makes a running sshd read its configuration, and records that in the result. It
// does not affect current logins, and neither starts nor stops anything. Inside a chroot,
// and for another root, the running sshd is not the configured one, so reload does
// nothing.
func reload(ctx context.Context, h sshd.Host, unitsChanged bool, result *Result) error {
	if !h.Running() {
		return nil
	}
	if unitsChanged && h.Booted() {
		if _, err := h.Systemctl(ctx, "daemon-reload"); err != nil {
			return fmt.Errorf("running systemctl daemon-reload: %w", err)
		}
	}
	unit, pid, err := h.Server(ctx)
	if err != nil || pid == 0 {
		return err
	}
	name := cmp.Or(unit, fmt.Sprintf("process %d", pid))
	err = reloadServer(ctx, h, unit, pid)
	var exit *exec.ExitError
	switch {
	case err == nil:
		result.Reloaded = name
		return nil
	case h.ReloadWith != "" && errors.As(err, &exit) && exit.ExitCode() == forbidden:
		result.NotReloaded = fmt.Sprintf("%q forbids it; the new configuration applies once sshd is reloaded", h.ReloadWith)
		return nil
	default:
		return fmt.Errorf("reloading %s, whose new configuration is in place: %w", name, err)
	}
}

// reloadServer reloads sshd's unit with systemd, or sends SIGHUP to sshd (sshd(8)),
// unless the host has its own command for that.
func reloadServer(ctx context.Context, h sshd.Host, unit string, pid int) error {
	if args := strings.Fields(h.ReloadWith); len(args) > 0 {
		_, _, err := h.Execute(ctx, args[0], args[1:]...)
		return err
	}
	if unit == "" {
		return syscall.Kill(pid, syscall.SIGHUP)
	}
	_, err := h.Systemctl(ctx, "reload", unit)
	return err
}
