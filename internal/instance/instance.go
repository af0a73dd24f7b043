// Package instance finds out whether this machine is an EC2 instance, and which one, from
// local files only.
//
// It has two purposes. A machine that is not an instance sends no request to anybody. On
// Nitro, the instance id comes from the hypervisor, and not from an answer over plain
// HTTP that an attacker on the host could forge. The package does not talk to the
// metadata service.
package instance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// The identity files, relative to the root of the file system.
//
// Source: AWS EC2 User Guide, "Detect whether a host is an EC2 instance".
const (
	assetTagFile = "sys/devices/virtual/dmi/id/board_asset_tag"
	xenUUIDFile  = "sys/hypervisor/uuid"
)

// maxFileSize bounds how much of an identity file is read, in bytes. Both files hold less
// than 64.
const maxFileSize = 4096

// Platform is the hypervisor an instance runs on.
type Platform string

// The platforms that EC2 has.
const (
	None  Platform = "none"  // not an EC2 instance
	Nitro Platform = "nitro" // the board asset tag is the instance id
	Xen   Platform = "xen"   // the hypervisor UUID starts with "ec2"; it does not identify the instance
)

// Identity is what the identity files say about this machine.
type Identity struct {
	Platform Platform
	// ID is the instance id on Nitro, and empty on every other platform.
	ID string
}

// Identify reads the identity files below root, which represents "/". A machine that has
// neither file, or whose files are not EC2's, has Platform None; that is not an error. A
// file that exists but cannot be read is an error.
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

// read returns the first line of a file without surrounding blanks, or "" if there is no
// such file.
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
