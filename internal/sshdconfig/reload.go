package sshdconfig

import (
	"bytes"
	"context"
	"fmt"
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

// inChroot compares our root with that of the first process. Where that cannot
// be seen, in a root without /proc for one, the answer is yes.
func inChroot() bool {
	ours, err := os.Stat("/")
	if err != nil {
		return true
	}
	first, err := os.Stat("/proc/1/root")
	return err != nil || !os.SameFile(ours, first)
}

func (h Host) reloadUnit(ctx context.Context, unitsChanged bool) (string, error) {
	systemctl, found := firstExisting(h.tree(), "/usr/bin/systemctl", "/bin/systemctl")
	if !found {
		return "", fmt.Errorf("reloading sshd: found no systemctl; the configuration is in place, reload sshd")
	}
	if unitsChanged {
		if _, stderr, err := h.run(ctx, systemctl, "daemon-reload"); err != nil {
			return "", fmt.Errorf("running systemctl daemon-reload: %w: %s", err, bytes.TrimSpace(stderr))
		}
	}
	for _, unit := range []string{"ssh.service", "sshd.service"} {
		if _, _, err := h.run(ctx, systemctl, "is-active", "--quiet", unit); err != nil {
			continue // not running, or not its name here
		}
		if _, stderr, err := h.run(ctx, systemctl, "reload", unit); err != nil {
			return "", fmt.Errorf("reloading %s, whose new configuration is in place: %w: %s", unit, err, bytes.TrimSpace(stderr))
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
	if err != nil || pid < 2 {
		return "", nil // no PidFile: no sshd that listens
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil || string(name) != "sshd\n" {
		return "", nil // left behind by an sshd that is gone
	}
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		return "", fmt.Errorf("reloading sshd (process %d), whose new configuration is in place: %w", pid, err)
	}
	return fmt.Sprintf("process %d", pid), nil
}
