package enable

import (
	"fmt"
	"strings"

	"eic/internal/sshd"
)

// A ConflictError means that somebody else's configuration is in the way and
// that nothing was changed.
type ConflictError struct {
	// File and Line say where it stands, as sshd sees the path. File is empty
	// when sshd reports a value that no line was found for; Line is 0 when the
	// whole file is meant.
	File string
	Line int
	// Command is the other command, as the line has it. It is empty when the
	// conflict is not about a command.
	Command string
	// Problem says what was found, Remedy what an administrator can do.
	Problem, Remedy string
}

// Error gives all of it in one line.
func (e *ConflictError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(sshd.Place(e.File, e.Line) + ": ")
	}
	b.WriteString(e.Problem)
	if e.Command != "" {
		fmt.Fprintf(&b, " %q", e.Command)
	}
	return b.String() + "; " + e.Remedy
}

// commentOut is the command that takes lines of one file out of force.
func commentOut(lines ...sshd.Setting) string {
	command := "sed -i"
	for _, s := range lines {
		command += fmt.Sprintf(" -e '%ds/^/#/'", s.Line)
	}
	return fmt.Sprintf("run %q and enable again", command+" "+lines[0].File)
}
