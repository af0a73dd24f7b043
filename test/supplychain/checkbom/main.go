// Command checkbom checks that a bill of materials in CycloneDX has every module that is linked
// into eic, with the linked version.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: checkbom FILE")
		os.Exit(2)
	}
	count, err := check(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "checkbom:", err)
		os.Exit(1)
	}
	fmt.Printf("%s has all %d modules that are linked\n", os.Args[1], count)
}

func check(name string) (int, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	var bill struct {
		BOMFormat  string
		Components []struct{ PURL string }
	}
	if err := json.Unmarshal(text, &bill); err != nil {
		return 0, fmt.Errorf("reading %q: %w", name, err)
	}
	if bill.BOMFormat != "CycloneDX" {
		return 0, fmt.Errorf("%q is a bill of materials of the format %q, expected CycloneDX", name, bill.BOMFormat)
	}
	listed := map[string]bool{}
	for _, component := range bill.Components {
		listed[component.PURL] = true
	}
	linked, err := modules()
	if err != nil {
		return 0, err
	}
	for _, module := range linked {
		if !listed["pkg:golang/"+module] {
			return 0, fmt.Errorf("%q lacks %s, which is linked", name, module)
		}
	}
	return len(linked), nil
}

// modules returns PATH@VERSION of every module that is linked into eic.
func modules() ([]string, error) {
	output, err := exec.Command("go", "list", "-deps", "-f",
		"{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}}{{end}}{{end}}", "./cmd/eic").Output()
	if err != nil {
		return nil, fmt.Errorf("listing what is linked: %w", err)
	}
	seen := map[string]bool{}
	var found []string
	for _, module := range strings.Fields(string(output)) {
		if !seen[module] {
			seen[module] = true
			found = append(found, module)
		}
	}
	return found, nil
}
