package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"eic/internal/sim"
)

const faultsAbout = `Lists what "eic-sim serve --fault NAME" can make go wrong, one fault a line, in
five columns with a tab between them:

  name
  what a correct client does with a pushed key: printed, refused, or none (as
    far as it can see there is no key)
  the same for a client that never asks the metadata service for its instance
    id, because it knows it from the firmware, as on Nitro
  what a client that refuses objects to, or -
  what is different

For the faults of the APIs and the tunnel, which an instance does not see, the
second and third column are -, and the fourth is what AWS's own command line
does.`

func runFaults(args []string, stdout, stderr io.Writer) int {
	c := command{name: "faults", about: faultsAbout}
	if status, done := c.parse(args, stdout, stderr); done {
		return status
	}
	for _, f := range sim.Faults() {
		fmt.Fprintf(stdout, "%s\t%s\t%s\t%s\t%s\n", f.Name, f.Expect, f.OnNitro, cmp.Or(f.Reason, "-"), f.Description)
	}
	for _, f := range sim.ClientFaults() {
		fmt.Fprintf(stdout, "%s\t-\t-\t%s\t%s\n", f.Name, f.Client, f.Description)
	}
	return exitOK
}

// faultsHelp lists the faults for a reader: those of what is said one by one,
// those of how it is transported as the stages and kinds that make their names.
func faultsHelp() string {
	var text strings.Builder
	text.WriteString("\nFaults (\"eic-sim faults\" says what a correct client does about each):\n")
	area := ""
	for _, f := range sim.Faults() {
		if f.Transport {
			continue
		}
		if next, _, _ := strings.Cut(f.Name, "="); next != area {
			area = next
			text.WriteString("\n")
		}
		fmt.Fprintf(&text, "  --fault %-30s %s\n", f.Name, f.Description)
	}
	text.WriteString("\n")
	for _, f := range sim.ClientFaults() {
		fmt.Fprintf(&text, "  --fault %-30s %s\n", f.Name, f.Description)
	}
	text.WriteString("\n  --fault STAGE=KIND: an answer is lost or mangled on its way, at any of the stages\n   ")
	for _, stage := range sim.Stages() {
		text.WriteString(" " + string(stage))
	}
	text.WriteString("\n  in any of the ways (only token=401-once makes no sense)\n")
	for _, kind := range sim.Kinds() {
		fmt.Fprintf(&text, "    %-28s %s\n", kind, kind.Describe())
	}
	return text.String()
}
