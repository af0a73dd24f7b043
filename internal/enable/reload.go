package enable

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"eic/internal/sshd"
)

// notReloaded is why sshd was not reloaded where the command of Host.ReloadWith was forbidden
// to.
const notReloaded = "policy-rc.d forbids it"

// forbidden is the exit status of invoke-rc.d --disclose-deny where policy-rc.d forbids an
// action (invoke-rc.d(8)).
const forbidden = 101

// reload makes a running sshd read its configuration and says so in the result. Logins in
// progress are not touched, and nothing is started or stopped. Inside a chroot, and for another
// root, the sshd that runs is not the one that was configured, and nothing is done.
func reload(ctx context.Context, h sshd.Host, unitsChanged bool, result *Result) error {
	if !h.Running() {
		return nil
	}
	if unitsChanged && h.Booted() {
		if _, err := h.Systemctl(ctx, "daemon-reload"); err != nil {
			return fmt.Errorf("running systemctl daemon-reload: %w", err)
		}
	}
	unit, pid, err := runningServer(ctx, h)
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
		result.NotReloaded = notReloaded
		return nil
	default:
		return fmt.Errorf("reloading %s, whose new configuration is in place: %w", name, err)
	}
}

// reloadServer has systemd reload sshd's unit, or sends sshd SIGHUP (sshd(8)), unless the host has
// a command for that.
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

// runningServer finds the sshd that listens: by its unit where systemd runs this host, else by
// its PidFile. The process is 0 where there is none.
func runningServer(ctx context.Context, h sshd.Host) (unit string, pid int, err error) {
	if !h.Booted() {
		pid, _, err = h.ListeningProcess(ctx)
		return "", pid, err
	}
	for _, unit := range []string{"ssh.service", "sshd.service"} {
		stdout, err := h.Systemctl(ctx, "show", "--property=MainPID", unit)
		if err != nil {
			return "", 0, fmt.Errorf("asking systemd for the process of %s: %w", unit, err)
		}
		pid, err := strconv.Atoi(strings.TrimPrefix(string(bytes.TrimSpace(stdout)), "MainPID="))
		if err == nil && sshd.IsServer(pid) { // 0: it does not run, or that is not its name here
			return unit, pid, nil
		}
	}
	return "", 0, nil
}
