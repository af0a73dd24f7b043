package doctor

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"eic/internal/sshd"
	"eic/internal/trustedfile"
)

// olderDropIns are where the older package puts an AuthorizedKeysCommand on
// sshd's command line, which outranks sshd_config. The first of two of the same
// name counts (systemd.unit(5)).
func olderDropIns() [][]string {
	var dropIns [][]string
	for _, unit := range []string{"ssh", "sshd"} {
		var names []string
		for _, folder := range []string{"/etc", "/run", "/usr/lib", "/lib"} {
			names = append(names, folder+"/systemd/system/"+unit+".service.d/"+sshd.AWSDropIn)
		}
		dropIns = append(dropIns, names)
	}
	return dropIns
}

func checkOlder(_ context.Context, e *exam) Finding {
	var left []string
	for _, name := range sshd.AWSScripts() {
		if file, err := trustedfile.Resolve(e.Root, name); err == nil && path.Base(file) != ownName {
			left = append(left, name)
		}
	}
	for _, names := range olderDropIns() {
		for _, name := range names {
			_, err := fs.Lstat(e.Root, trustedfile.InFS(name))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if file, err := trustedfile.Resolve(e.Root, name); err == nil && file != "/dev/null" {
				left = append(left, name)
			}
			break
		}
	}
	if len(left) == 0 {
		return ok("none of its files is in use")
	}
	return warning("remove the package ec2-instance-connect; eic answers to its name too", "installed beside eic: %q", left)
}
