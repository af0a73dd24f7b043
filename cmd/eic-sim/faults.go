package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"eic/internal/sim"
)

const faultsAbout = `Lists the faults of "eic-sim serve --fault NAME", one per line, in five columns
separated by tabs:

  name
  what a correct client does with a pushed key: printed, refused, or none (the
    client sees no key)
  the same for a client that knows its instance id from the hypervisor, as on
    Nitro, and does not ask the metadata service for it
  the reason of a client that refuses, or -
  what is different

Faults of the APIs and the tunnel are not visible on an instance. For them the
second and third columns are -, and the fourth says what AWS's own command line
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

// faultsHelp lists the faults for people. Faults in contents are listed one by one.
// Transport faults are listed as the stages and kinds that form their names.
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
	text.WriteString("\n  --fault STAGE=KIND: an answer is lost or damaged, at any of the stages\n   ")
	for _, stage := range sim.Stages() {
		text.WriteString(" " + string(stage))
	}
	text.WriteString("\n  in any of these ways (except token=401-once)\n")
	for _, kind := range sim.Kinds() {
		fmt.Fprintf(&text, "    %-28s %s\n", kind, kind.Describe())
	}
	return text.String()
}
