package host

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

const (
	sshdConfig = "/etc/ssh/sshd_config"
	hostKey    = "/run/eic-test/ssh_host_key"
)

// Lines for sshd_config(5).
const (
	// Packaged is what the packages configure, with the simulator's roots for
	// trust anchors.
	Packaged = "AuthorizedKeysCommand " + Binary + " authorized-keys --trust-anchors " + TrustAnchors + " %u %f\n" +
		RunAsServiceUser
	// RunAsServiceUser is the half of it that says who runs the command.
	RunAsServiceUser = "AuthorizedKeysCommandUser " + ServiceUser + "\n"

	// closedOtherwise leaves no way in but public keys. Of each option sshd
	// takes the first value, so it stands behind what a test configures.
	closedOtherwise = "UsePAM no\n" +
		"LogLevel VERBOSE\n" +
		"PasswordAuthentication no\n" +
		"KbdInteractiveAuthentication no\n" +
		"AuthorizedKeysFile .ssh/authorized_keys\n"

	// neverShutOut is for OpenSSH 9.8 and later, where clients that are refused
	// too often are shut out for a while. Older ones do not know it.
	neverShutOut = "PerSourcePenalties no\n"
)

// Configure replaces the host's sshd_config by the given lines and, behind them,
// those that leave public keys as the only way in and make the log verbose.
func (h *Host) Configure(lines string) error {
	if err := h.makeHostKey(); err != nil {
		return err
	}
	config := lines + "\n" + closedOtherwise
	if err := h.WriteFile(sshdConfig, []byte(neverShutOut)); err != nil {
		return err
	}
	if h.checkSSHD() == nil {
		config += neverShutOut
	}
	return h.WriteFile(sshdConfig, []byte(config))
}

// StartSSHD starts sshd as the host's sshd_config and more options say, and waits until it
// listens. The host has no network interface but the loopback one.
func (h *Host) StartSSHD(options ...string) error {
	if err := h.makeHostKey(); err != nil {
		return err
	}
	if err := h.checkSSHD(); err != nil {
		return err
	}
	if err := h.configureClient(); err != nil {
		return err
	}
	const listening = "Server listening on"
	before := h.Log.count("sshd", listening) // by an sshd that was stopped
	sshd := h.Command("root", SSHD, append([]string{"-D", "-f", sshdConfig, "-h", hostKey}, options...)...)
	if err := sshd.Start(); err != nil {
		return fmt.Errorf("starting sshd: %w", err)
	}
	h.sshd = sshd
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return h.Log.waitForMore(ctx, "sshd", listening, before)
}

// checkSSHD has sshd check its configuration.
func (h *Host) checkSSHD() error {
	result, err := Capture(context.Background(), h.Command("root", SSHD, "-t", "-f", sshdConfig, "-h", hostKey))
	if err == nil && result.Status != 0 {
		err = errors.New(result.Stderr)
	}
	if err != nil {
		return fmt.Errorf("checking sshd's configuration: %w", err)
	}
	return nil
}

func (h *Host) makeHostKey() error {
	if exists(h.Path(hostKey)) {
		return nil
	}
	return mustRun(Keygen(h.Path(hostKey), "ed25519"))
}

// StopSSHD stops sshd, if it runs.
func (h *Host) StopSSHD() {
	if h.sshd == nil {
		return
	}
	_ = h.sshd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	_ = h.sshd.Wait()                          // its status is of no interest
	h.sshd = nil
}
