package sshdconfig

import (
	"path"
	"slices"
)

// decideUnits deals with options on sshd's command line. Only the drop-in of
// the older ec2-instance-connect package can be put out of force, and only if
// asked to.
func (p *plan) decideUnits(o Options) error {
	for _, v := range p.overrides {
		if v.keyword == "-f" && p.tree.resolve(v.value) == p.tree.resolve(p.main) {
			continue
		}
		name, maskable := v.mask()
		switch {
		case !maskable || p.tree.exists(name):
			return v.conflict(takeOut) // what exists there is this drop-in, or somebody's own
		case !o.ReplaceInstanceConnect:
			return v.conflict(replaceOlder)
		default:
			p.maskDropIn(name)
		}
	}
	if len(p.masks) == 0 {
		return nil
	}
	left, err := overrides(p.tree.with(p.masks))
	if err == nil && len(left) > 0 {
		return left[0].conflict(takeOut)
	}
	return err
}

const (
	takeOut      = "take it out of there, then run systemctl daemon-reload and restart sshd"
	replaceOlder = `remove the ec2-instance-connect package, or run "eic enable --replace-ec2-instance-connect"`
)

func (v override) conflict(remedy string) error {
	by := v.unit
	if by == "" {
		by = "the init script"
	}
	what := directiveName(v.keyword)
	if what == "" {
		what = "another sshd_config,"
	}
	return &ConflictError{
		File: v.file, Line: v.line, Command: v.value,
		Problem: by + " starts sshd with " + what,
		Remedy:  remedy,
	}
}

// mask returns the path at which a link to /dev/null takes the drop-in with
// this option out of force: the same name in systemd's weightiest folder
// (systemd.unit(5)). There is none for what the older package did not write.
func (v override) mask() (string, bool) {
	older := v.keyword == keysCommand && ofInstanceConnect(v.value) || v.keyword == keysCommandUser && v.value == OlderUser
	name := path.Join(unitFolders()[0], path.Base(path.Dir(v.file)), path.Base(v.file))
	return name, older && path.Base(v.file) == OlderDropIn
}

// maskDropIn plans a link; a drop-in with several options needs only one.
func (p *plan) maskDropIn(name string) {
	if _, planned := p.masks[name]; planned {
		return
	}
	if p.masks == nil {
		p.masks = map[string][]byte{}
	}
	p.masks[name] = []byte{}
	p.makeFolder(path.Dir(name))
	where := path.Join(p.tree.resolve(path.Dir(name)), path.Base(name))
	p.edits = append(p.edits, edit{path: where, after: node{kind: mask}})
	p.note(name)
	p.notes = append(p.notes, "sshd keeps the older package's command until it is restarted: a reload does not change its command line")
}

// makeFolder plans a folder that is not there yet.
func (p *plan) makeFolder(name string) {
	if p.tree.exists(name) {
		return
	}
	p.makeFolder(path.Dir(name))
	p.edits = append(p.edits, edit{path: p.tree.resolve(name), after: node{kind: folder, mode: 0o755}})
	p.note(name)
}

// note remembers in our block what disable has to remove.
func (p *plan) note(name string) {
	if !slices.Contains(p.entry.made, name) {
		p.entry.made = append(p.entry.made, name)
	}
}
