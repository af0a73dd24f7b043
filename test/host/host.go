// Package host makes a throwaway EC2 instance out of this machine, for tests and demonstrations
// that need a real sshd and a real ssh.
//
// A program that needs a host runs itself again inside of namespaces (Run). There it starts a
// Host. The host has IMDS's addresses on the loopback interface, where the simulator answers.
// It has a /sys with the instance's identity, a system log that tests can read, and its own
// users and files. The program then installs eic (Install), starts sshd (Configure, StartSSHD),
// pushes keys (Service) and logs in (SSH).
//
// A host is not a container: its processes see this machine's programs and libraries, and most
// of its files. What they write to /etc, /opt, /usr/bin, /var/log, /run and /dev disappears when
// the Host is closed. The rest of the file system is that of this machine.
package host

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"eic/internal/sim"
)

// Files with the simulator's roots, as the host sees them: the trust anchors of eic, and the TLS
// root of clients.
const (
	TrustAnchors = "/run/eic-test/roots.pem"
	TLSRoot      = "/run/eic-test/tls.pem"
)

// Options describe a host. The zero value is a Nitro instance with IPv4 and IPv6 and a
// simulator without faults.
type Options struct {
	// Root, if set, is a directory with another system's files, which the host uses instead
	// of this machine's. The host changes these files. Only /dev, /proc, /run and /sys are
	// the host's own.
	Root string
	// Platform is the platform that the host's /sys shows.
	Platform Platform
	// IPv6Only leaves the host without any IPv4 address.
	IPv6Only bool
	// Addresses are additional addresses of the host, in CIDR notation, as in
	// "10.0.0.10/32".
	Addresses []string
	// Users are added at the start, as by AddUser.
	Users []string
	// Sim are the simulator's options; its addresses are filled in.
	Sim sim.Options
}

// Host is a running host. Only Command, SSH, Service and Log are safe for concurrent use.
type Host struct {
	// Sim is the simulator of AWS for the host.
	Sim *sim.Sim
	// Log is the host's system log.
	Log *SystemLog

	options  Options
	mounts   mounts
	sshd     *exec.Cmd
	users    int
	loopback string
}

// Start starts a host. The caller must close it. Start must be called inside of Run, and only one
// host can run at a time.
func Start(options Options) (*Host, error) {
	if Prepared() == "" {
		return nil, errors.New("host.Start was called outside of host.Run")
	}
	if missing := Missing(Needed()...); len(missing) > 0 {
		return nil, fmt.Errorf("programs are missing: apt-get install %s", strings.Join(missing, " "))
	}
	if options.Root == "" {
		options.Root = "/"
	}
	if options.Sim.InstanceID == "" {
		options.Sim.InstanceID = sim.DefaultInstanceID
	}
	h := &Host{options: options, users: firstUser, loopback: "127.0.0.1"}
	if options.IPv6Only {
		h.loopback = "[::1]"
	}
	for _, step := range []func() error{
		h.mountAll, h.writeIdentity, h.writeAccounts, h.configureLoopback, h.startLog, h.startSim,
	} {
		if err := step(); err != nil {
			return nil, errors.Join(err, h.Close())
		}
	}
	return h, nil
}

// Close ends the host: sshd, the simulator, the system log, and every mount. It may be called
// twice.
func (h *Host) Close() error {
	h.StopSSHD()
	if h.Sim != nil {
		h.Sim.Close()
	}
	if h.Log != nil {
		h.Log.close()
	}
	return h.mounts.undo()
}

// Service returns the API that pushes keys to the host.
func (h *Host) Service() Service { return Service{h.Sim.API, h.options.Sim.InstanceID} }

// Path returns the path of a file of the host for this process.
func (h *Host) Path(name string) string { return filepath.Join(h.options.Root, name) }

// Dir returns a directory of the host for files of a test, as a path for this process. It is
// removed with the host.
func (h *Host) Dir() string { return h.Path(filepath.Dir(TrustAnchors)) }

// WriteFile writes a file of the host that everybody may read, and creates its parent
// directories.
func (h *Host) WriteFile(name string, text []byte) error {
	path := h.Path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// startSim starts the simulator on IMDS's own addresses.
func (h *Host) startSim() error {
	o := h.options.Sim
	o.IMDS = nil
	if !h.options.IPv6Only {
		o.IMDS = append(o.IMDS, imdsIPv4+":80")
	}
	o.IMDS = append(o.IMDS, "["+imdsIPv6+"]:80")
	o.API, o.Proxy = h.loopback+":0", h.loopback+":0"
	var err error
	if h.Sim, err = sim.Start(o); err != nil {
		return fmt.Errorf("starting the simulator: %w", err)
	}
	if err := h.WriteFile(TLSRoot, h.Sim.TLSRoot); err != nil {
		return err
	}
	return h.WriteFile(TrustAnchors, h.Sim.Roots)
}
