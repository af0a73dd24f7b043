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
	// Name is empty where no source has a name for the GID.
	Name string
	GID  uint32
}

// Groups returns the groups that a process of the account gets, its own first,
// as initgroups(3) does: from id(1), which asks every source that sshd asks,
// and from /etc/group where there is no id.
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
		return nil, fmt.Errorf("asking id -G for the groups of %q: %w%s", a.Name, err, said(stderr))
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

// gidsInFile reads text of the form of group(5).
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

// groupName finds a group's name in text of the form of group(5), and else with
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
