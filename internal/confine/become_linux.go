package confine

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Become changes every thread of this process from root to another user, permanently. The
// real, effective and saved ids become the user's, and gid and groups become the only
// groups. After an error the process must not continue.
func Become(uid, gid uint32, groups ...int) error {
	if uid == 0 || gid == 0 {
		return fmt.Errorf("giving up root: expected the ids of an unprivileged user, got uid %d and gid %d", uid, gid)
	}
	u, g := int(uid), int(gid)
	if err := syscall.Setgroups(append([]int{g}, groups...)); err != nil {
		return fmt.Errorf("giving up root's groups: %w", err)
	}
	if err := syscall.Setresgid(g, g, g); err != nil {
		return fmt.Errorf("becoming group %d: %w", gid, err)
	}
	if err := syscall.Setresuid(u, u, u); err != nil {
		return fmt.Errorf("becoming user %d: %w", uid, err)
	}
	if real, effective, saved := unix.Getresuid(); real != u || effective != u || saved != u {
		return fmt.Errorf("becoming user %d: the ids are %d, %d and %d", uid, real, effective, saved)
	}
	return nil
}
