package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"eic/internal/sshd"
	"eic/internal/trustedfile"
)

// awsDropIns are the drop-ins with which the older package puts an
// AuthorizedKeysCommand on sshd's command line, where it takes precedence over
// sshd_config. Of two drop-ins with the same name, the first counts (systemd.unit(5)).
func awsDropIns() [][]string {
	var dropIns [][]string
	for _, unit := range []string{"ssh", "sshd"} {
		var names []string
		for _, directory := range []string{"/etc", "/run", "/usr/lib", "/lib"} {
			names = append(names, directory+"/systemd/system/"+unit+".service.d/"+sshd.AWSDropIn)
		}
		dropIns = append(dropIns, names)
	}
	return dropIns
}

// harvestCommand is the command with which the older package used to send the host's
// public keys to AWS. AWS retired it in July 2022.
const harvestCommand = "eic_harvest_hostkeys"

// harvesters returns the systemd units and drop-ins that still call harvestCommand.
func harvesters(root fs.FS) []string {
	var found []string
	for _, directory := range sshd.UnitDirectories() {
		for _, pattern := range []string{"*.service", "*.service.d/*.conf"} {
			names, err := fs.Glob(root, path.Join(trustedfile.InFS(directory), pattern))
			if err != nil {
				continue // the patterns are valid
			}
			for _, name := range names {
				file, err := trustedfile.Resolve(root, "/"+name)
				if err == nil && !slices.Contains(found, file) && calls(root, file, harvestCommand) {
					found = append(found, file)
				}
			}
		}
	}
	return found
}

// maxUnit is how much of a unit is read.
const maxUnit = 64 << 10

// calls reports whether a regular file mentions a command.
func calls(root fs.FS, name, command string) bool {
	info, err := fs.Stat(root, trustedfile.InFS(name))
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxUnit {
		return false
	}
	text, err := fs.ReadFile(root, trustedfile.InFS(name))
	return err == nil && bytes.Contains(text, []byte(command))
}

func checkAWSPackage(_ context.Context, e *exam) Finding {
	if left := harvesters(e.Root); len(left) > 0 {
		return warning(fmt.Sprintf("sed -i /%s/d %s && systemctl daemon-reload", harvestCommand, strings.Join(left, " ")),
			"units call %s, which AWS retired in July 2022: %q", harvestCommand, left)
	}
	var left []string
	for _, name := range sshd.AWSScripts() {
		if file, err := trustedfile.Resolve(e.Root, name); err == nil && path.Base(file) != ownName {
			left = append(left, name)
		}
	}
	for _, names := range awsDropIns() {
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
	if _, err := fs.Lstat(e.Root, trustedfile.InFS(sshd.AWSConfig)); err == nil {
		if len(left) == 0 {
			return warning("rm "+sshd.AWSConfig, "version 2 of the package left %s, whose command sshd runs if eic is disabled", sshd.AWSConfig)
		}
		left = append(left, sshd.AWSConfig)
	}
	if len(left) == 0 {
		return ok("none of its files is in use")
	}
	return warning("remove the package ec2-instance-connect; eic provides its command too", "installed beside eic: %q", left)
}
