// Package instance finds out, from local files alone, whether this machine is
// an EC2 instance and which one.
//
// It exists so that a machine that is no instance asks nobody anything, and so
// that on Nitro the instance is known from the hypervisor's own word rather
// than from a plain-HTTP answer that somebody on the host could forge. It does
// not talk to the metadata service.
package instance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Files read, relative to the root of the file system.
//
// Source: AWS EC2 User Guide, "Detect whether a host is an EC2 instance".
const (
	assetTagFile = "sys/devices/virtual/dmi/id/board_asset_tag"
	xenUUIDFile  = "sys/hypervisor/uuid"
)

// maxFileSize bounds what is read of an identity file, in bytes. Both hold
// less than 64.
const maxFileSize = 4096

// Platform is the hypervisor an instance runs on.
type Platform string

// The platforms that EC2 has.
const (
	None  Platform = "none"  // not an EC2 instance
	Nitro Platform = "nitro" // the board asset tag is the instance id
	Xen   Platform = "xen"   // the hypervisor UUID starts with "ec2"; it does not say which instance
)

// Identity is what this machine says of itself.
type Identity struct {
	Platform Platform
	// ID is the instance id on Nitro, and empty on every other platform.
	ID string
}

// Identify reads the identity files below root, which is the file system's
// root ("/" as an fs.FS). A machine with neither file, or with contents that
// are not EC2's, is Platform None; that is not an error. A file that is there
// and cannot be read is an error, and the Identity is then zero.
func Identify(root fs.FS) (Identity, error) {
	tag, err := read(root, assetTagFile)
	if err != nil {
		return Identity{}, err
	}
	if ValidID(tag) {
		return Identity{Platform: Nitro, ID: tag}, nil
	}
	uuid, err := read(root, xenUUIDFile)
	if err != nil {
		return Identity{}, err
	}
	if len(uuid) >= 3 && strings.EqualFold(uuid[:3], "ec2") {
		return Identity{Platform: Xen}, nil
	}
	return Identity{Platform: None}, nil
}

// read returns the file's first line without blanks around it, and "" when
// there is no such file.
func read(root fs.FS, name string) (string, error) {
	f, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("opening the identity file: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	b, err := io.ReadAll(io.LimitReader(f, maxFileSize))
	if err != nil {
		return "", fmt.Errorf("reading /%s: %w", name, err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line), nil
}

// ValidID reports whether s has the form of an instance id: "i-" and 8 to 32
// lower-case hexadecimal digits. EC2 uses 8 and 17 today.
func ValidID(s string) bool {
	digits, ok := strings.CutPrefix(s, "i-")
	if !ok || len(digits) < 8 || len(digits) > 32 {
		return false
	}
	for _, c := range []byte(digits) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
