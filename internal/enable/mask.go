package enable

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"eic/internal/sshd"
)

// decideUnits handles options on sshd's command line. It can override only the drop-in of
// AWS's package ec2-instance-connect, and only on request.
func (p *plan) decideUnits(o Options) error {
	for _, v := range p.Overrides {
		if v.Keyword == "-f" {
			p.noteOtherFile(v)
			continue
		}
		name, maskable := maskOf(v)
		if !maskable || !o.ReplaceInstanceConnect || p.Tree.Exists(name) {
			return p.unitConflict(v) // a file of that name in /etc cannot be masked
		}
		p.maskDropIn(name)
	}
	if len(p.masks) == 0 {
		return nil
	}
	left, err := sshd.Overrides(p.Tree.With(p.masks))
	if i := slices.IndexFunc(left, func(v sshd.Override) bool { return v.Keyword != "-f" }); i >= 0 {
		return p.unitConflict(left[i])
	}
	return err
}

// noteOtherFile adds a note about a unit whose sshd reads a file without eic's lines.
func (p *plan) noteOtherFile(v sshd.Override) {
	if p.Tree.Resolve(v.Value) != p.Tree.Resolve(p.Main) {
		p.notes = append(p.notes, fmt.Sprintf("%s: %s starts sshd with another sshd_config, %q, which eic does not change", sshd.Place(v.File, v.Line), startedBy(v), v.Value))
	}
}

// startedBy names what starts sshd with an option.
func startedBy(v sshd.Override) string { return cmp.Or(v.Unit, "the init script") }

// unitConflict returns the conflict with an option on sshd's command line.
func (p *plan) unitConflict(v sshd.Override) error {
	const reload = "systemctl daemon-reload"
	e := &ConflictError{
		File: v.File, Line: v.Line, Command: v.Value,
		Problem: startedBy(v) + " starts sshd with " + sshd.DirectiveName(v.Keyword),
		Advice:  "sshd keeps this option until it is restarted",
		Write:   v.LineWithoutOverrides(p.Tree),
		Run:     reload,
	}
	_, aws := maskOf(v)
	switch {
	case aws:
		e.replace = true
		e.Write, e.Run = "", "rm "+shellQuote(v.File)+" && "+reload
	case e.Write == "":
		e.Advice = "remove the option there; sshd keeps it until it is restarted"
	}
	if v.Unit == "" {
		e.Run = ""
	}
	return e
}

// maskOf returns the path at which a link to /dev/null masks the drop-in with this
// option: the same name in systemd's directory of highest priority (systemd.unit(5)). It
// returns false unless AWS's package wrote the drop-in.
func maskOf(v sshd.Override) (string, bool) {
	aws := v.Keyword == sshd.KeysCommand && sshd.IsAWSCommand(v.Value) || v.Keyword == sshd.KeysCommandUser && v.Value == sshd.AWSUser
	name := path.Join(sshd.UnitDirectories()[0], path.Base(path.Dir(v.File)), path.Base(v.File))
	return name, aws && path.Base(v.File) == sshd.AWSDropIn
}

// maskDropIn plans a link. A drop-in with several options needs only one.
func (p *plan) maskDropIn(name string) {
	if _, planned := p.masks[name]; planned {
		return
	}
	if p.masks == nil {
		p.masks = map[string][]byte{}
	}
	p.masks[name] = []byte{}
	p.makeDirectory(path.Dir(name))
	where := path.Join(p.Tree.Resolve(path.Dir(name)), path.Base(name))
	p.edits = append(p.edits, edit{path: where, after: node{kind: mask}})
	p.recordCreated(name)
	p.notes = append(p.notes, "sshd keeps the command of AWS's package until it is restarted: a reload does not change its command line")
}

// makeDirectory plans a directory that does not exist yet.
func (p *plan) makeDirectory(name string) {
	if p.Tree.Exists(name) {
		return
	}
	p.makeDirectory(path.Dir(name))
	p.edits = append(p.edits, edit{path: p.Tree.Resolve(name), after: node{kind: directory, mode: 0o755}})
	p.recordCreated(name)
}

// recordCreated records in eic's block a directory or link that disable has to remove.
func (p *plan) recordCreated(name string) {
	if !slices.Contains(p.entry.Made, name) {
		p.entry.Made = append(p.entry.Made, name)
	}
}
