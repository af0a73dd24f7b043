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
	// Packaged is the configuration of the packages, with the simulator's roots as trust
	// anchors.
	Packaged = "AuthorizedKeysCommand " + Binary + " authorized-keys --trust-anchors " + TrustAnchors + " %u %f\n" +
		RunAsServiceUser
	// RunAsServiceUser is its line about the user who runs the command.
	RunAsServiceUser = "AuthorizedKeysCommandUser " + ServiceUser + "\n"

	// closedOtherwise allows only logins with public keys. sshd uses the first value of each
	// option, so these lines come after those of a test.
	closedOtherwise = "UsePAM no\n" +
		"LogLevel VERBOSE\n" +
		"PasswordAuthentication no\n" +
		"KbdInteractiveAuthentication no\n" +
		"AuthorizedKeysFile .ssh/authorized_keys\n"

	// neverShutOut turns off the penalties of OpenSSH 9.8 and later for clients that are
	// refused too often. Older versions do not know the option.
	neverShutOut = "PerSourcePenalties no\n"
)

// Configure replaces the host's sshd_config with the given lines. After them it adds lines that
// allow only logins with public keys and make the log verbose.
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

// StartSSHD starts sshd with the host's sshd_config and additional options, and waits until it
// listens. The host has only the loopback interface.
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
	before := h.Log.count("sshd", listening) // lines of an sshd that was stopped
	sshd := h.Command("root", SSHD, append([]string{"-D", "-f", sshdConfig, "-h", hostKey}, options...)...)
	if err := sshd.Start(); err != nil {
		return fmt.Errorf("starting sshd: %w", err)
	}
	h.sshd = sshd
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return h.Log.waitForMore(ctx, "sshd", listening, before)
}

// checkSSHD checks sshd's configuration with sshd -t.
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
	_ = h.sshd.Process.Signal(syscall.SIGTERM) // sshd may have ended by itself
	_ = h.sshd.Wait()                          // the status does not matter
	h.sshd = nil
}
