package account

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Group is one group that an account belongs to.
type Group struct {
	// Name is empty if no source has a name for the GID.
	Name string
	GID  uint32
}

// Groups returns the groups that a process of the account has, its primary group first,
// as initgroups(3) does. It uses id(1), which queries every source that sshd uses, or
// else /etc/group.
func (d Database) Groups(ctx context.Context, a Account) ([]Group, error) {
	text, err := d.read("etc/group")
	if err != nil {
		return nil, err
	}
	gids, err := d.gids(ctx, a, text)
	if err != nil {
		return nil, err
	}
	groups := make([]Group, len(gids))
	for i, gid := range gids {
		groups[i] = Group{d.groupName(ctx, gid, text), gid}
	}
	return groups, nil
}

func (d Database) gids(ctx context.Context, a Account, text string) ([]uint32, error) {
	const id = "/usr/bin/id"
	if !d.has(id) {
		return gidsInFile(a, text), nil
	}
	stdout, stderr, err := d.Run(ctx, id, "-G", "--", a.Name)
	if err != nil {
		return nil, fmt.Errorf("asking id -G for the groups of %q: %w%s", a.Name, err, stderrText(stderr))
	}
	var gids []uint32
	for word := range strings.FieldsSeq(string(stdout)) {
		gid, err := strconv.ParseUint(word, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("asking id -G for the groups of %q: expected numbers, got %.200q", a.Name, stdout)
		}
		gids = append(gids, uint32(gid))
	}
	return gids, nil
}

// gidsInFile returns the group ids of an account in the text of a group(5) file.
func gidsInFile(a Account, text string) []uint32 {
	gids := []uint32{a.GID}
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) < 4 || !slices.Contains(strings.Split(fields[3], ","), a.Name) {
			continue
		}
		gid, err := strconv.ParseUint(fields[2], 10, 32)
		if err == nil && !slices.Contains(gids, uint32(gid)) {
			gids = append(gids, uint32(gid))
		}
	}
	return gids
}

// groupName finds the name of a group in the text of a group(5) file, or else with
// getent.
func (d Database) groupName(ctx context.Context, gid uint32, text string) string {
	number := decimal(gid)
	for line := range strings.Lines(text) {
		if fields := strings.Split(line, ":"); len(fields) > 2 && fields[2] == number {
			return fields[0]
		}
	}
	line, err := d.line(ctx, "group", number)
	if err != nil {
		return ""
	}
	name, _, _ := strings.Cut(line, ":")
	return name
}
