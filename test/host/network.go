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

// configureLoopback configures exactly the host's addresses on the loopback interface.
func (h *Host) configureLoopback() error {
	lines := []string{
		"link set lo up",
		"address flush dev lo",
		// Without duplicate address detection, addresses can be used at once.
		"address add ::1/128 dev lo nodad",
		"address add " + imdsIPv6 + "/128 dev lo nodad",
	}
	if !h.options.IPv6Only {
		lines = append(lines, "address add 127.0.0.1/8 dev lo", "address add "+imdsIPv4+"/32 dev lo")
	}
	for _, address := range h.options.Addresses {
		line := "address add " + address + " dev lo"
		if strings.Contains(address, ":") {
			line += " nodad"
		}
		lines = append(lines, line)
	}
	for _, line := range lines {
		if out, err := exec.Command(IP, strings.Fields(line)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", line, err, out)
		}
	}
	// The same value as with systemd. With the kernel's default of 10, writers to the system
	// log would wait for its reader under load.
	return os.WriteFile("/proc/sys/net/unix/max_dgram_qlen", []byte("512"), 0)
}
