package host

// Platform is what a host looks like to a program that checks whether it is an EC2
// instance.
type Platform int

// The platforms.
const (
	// Nitro: the board asset tag is the instance id.
	Nitro Platform = iota
	// Xen: the hypervisor's UUID begins with ec2.
	Xen
	// NotEC2: a machine of somebody else's make.
	NotEC2
)

const (
	assetTagFile = "/sys/devices/virtual/dmi/id/board_asset_tag"
	xenUUIDFile  = "/sys/hypervisor/uuid"
)

// writeIdentity writes what the firmware and the hypervisor say.
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
