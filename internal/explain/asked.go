package explain

import (
	"strings"

	"eic/internal/printable"
)

// Asked says which user and flags the lookup used.
type Asked struct {
	// AsSSHD is set if user and flags are those of sshd's command.
	AsSSHD bool `json:"as_sshd"`
	// Program is the path of eic in sshd's command, or empty.
	Program string   `json:"program,omitempty"`
	User    string   `json:"user"`
	Flags   []string `json:"flags,omitempty"`
	// Note says why the lookup was not made as sshd makes it, or is empty.
	Note string `json:"note,omitempty"`
}

// asked writes the user and flags of the lookup, and whether they are sshd's.
func (r Explanation) asked(p *page) {
	a := r.Asked
	if a == nil {
		return
	}
	text := "as given: "
	if a.AsSSHD {
		text = "as sshd does: program " + printable.Word(a.Program) + ", "
	}
	text += "user " + printable.Word(a.User)
	if len(a.Flags) == 0 {
		text += ", no flags"
	} else {
		text += ", flags"
	}
	for _, flag := range a.Flags {
		text += " " + printable.Word(flag)
	}
	if a.Note != "" {
		text += "; " + printable.Line(a.Note)
	}
	p.text.WriteString(strings.TrimSpace(text) + "\n")
}
