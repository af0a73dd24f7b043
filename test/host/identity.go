package host

// Platform is the machine that a host's /sys shows.
type Platform int

// The platforms.
const (
	// Nitro: the board asset tag is the instance id.
	Nitro Platform = iota
	// Xen: the hypervisor's UUID begins with ec2.
	Xen
	// NotEC2: a machine outside of EC2.
	NotEC2
)

const (
	assetTagFile = "/sys/devices/virtual/dmi/id/board_asset_tag"
	xenUUIDFile  = "/sys/hypervisor/uuid"
)

// writeIdentity writes the values of the firmware and the hypervisor in /sys.
func (h *Host) writeIdentity() error {
	switch h.options.Platform {
	case Xen:
		return h.WriteFile(xenUUIDFile, []byte("ec2e1916-9099-7caf-fd21-012345abcdef\n"))
	case NotEC2:
		return h.WriteFile(assetTagFile, []byte("Default string\n"))
	default:
		return h.WriteFile(assetTagFile, []byte(h.options.Sim.InstanceID+"\n"))
	}
}
