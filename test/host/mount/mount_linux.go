// Package mount mounts and unmounts file systems on Linux. Elsewhere its functions return errors,
// so that packages that use them still compile.
package mount

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Flags of Mount.
const (
	NoSUID  = unix.MS_NOSUID
	NoDev   = unix.MS_NODEV
	NoExec  = unix.MS_NOEXEC
	Private = unix.MS_REC | unix.MS_PRIVATE
)

// Mount mounts a file system (mount(2)).
func Mount(source, target, kind string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mounting a file system of type %q on %s: %w", kind, target, err)
	}
	return nil
}

// Unmount removes a mount at once, even if it is in use (MNT_DETACH of umount(2)).
func Unmount(target string) error {
	if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmounting %s: %w", target, err)
	}
	return nil
}
