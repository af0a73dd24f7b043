package host

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// The metadata service's addresses (Amazon EC2 User Guide, "Access instance
// metadata").
const (
	imdsIPv4 = "169.254.169.254"
	imdsIPv6 = "fd00:ec2::254"
)

// configureLoopback gives the loopback interface exactly the host's addresses.
func (h *Host) configureLoopback() error {
	addresses := []string{"::1/128", imdsIPv6 + "/128"}
	if !h.options.IPv6Only {
		addresses = append(addresses, "127.0.0.1/8", imdsIPv4+"/32")
	}
	lines := []string{"link set lo up", "address flush dev lo"}
	for _, address := range addresses {
		lines = append(lines, "address add "+address+" dev lo")
	}
	for _, line := range lines {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", line, err, out)
		}
	}
	// As on machines with systemd. With the kernel's default of 10, writers to
	// the system log would wait for its reader under load.
	return os.WriteFile("/proc/sys/net/unix/max_dgram_qlen", []byte("512"), 0)
}
