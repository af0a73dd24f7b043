// Command mutation measures which changes the tests of the packages that decide about a key would
// notice. gremlins changes one operator at a time and runs the package's own tests. If no test
// fails, the change was not noticed.
//
// The command fails if less than 95 % of the changes in a package are noticed, or if one
// that is not has no reason in docs/explanation/mutation.md.
//
// gremlins itself tries only lines that Go's coverage calls run, and coverage has no block
// for the condition of a case. It also counts a change that does not compile as noticed.
// gremlins is therefore given a "go" command that corrects both (see shim.go): every
// change is tried, and one that does not compile does not count.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// packages are those that decide about a key.
var packages = []string{"activekeys", "authorize", "trust", "settings"}

// least is the percentage of changes that must be noticed in each package.
const least = 95

// page lists every change that is not noticed, with the reason.
const page = "docs/explanation/mutation.md"

// kinds enables kinds of changes that gremlins leaves out by default.
var kinds = []string{"--invert-logical", "--invert-loopctrl", "--invert-assignments", "--remove-self-assignments"}

func main() {
	if filepath.Base(os.Args[0]) == "go" {
		os.Exit(shim(os.Args[1:], os.Stdout, os.Stderr))
	}
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: mutation GREMLINS [PACKAGE...]")
		os.Exit(2)
	}
	wanted := packages
	if len(os.Args) > 2 {
		wanted = os.Args[2:]
	}
	if err := run(os.Args[1], wanted, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(1)
	}
}

func run(gremlins string, wanted []string, w io.Writer) error {
	gremlins, err := filepath.Abs(gremlins)
	if err != nil {
		return err
	}
	reasons, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is in the directory for temporary files
	env, err := shimEnvironment(dir)
	if err != nil {
		return err
	}
	var failures []string
	for _, name := range wanted {
		result, err := mutate(gremlins, name, filepath.Join(dir, name+".json"), env)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintln(w, result)
		failures = append(failures, result.failures(string(reasons))...)
	}
	if len(failures) != 0 {
		return errors.New(strings.Join(failures, "\n"))
	}
	return nil
}

// mutate runs gremlins over one package.
func mutate(gremlins, name, output string, env []string) (result, error) {
	start := time.Now()
	// Ten times the duration of a whole run, so that a busy machine does not look like an
	// endless loop.
	args := append([]string{"unleash", "--output", output, "--timeout-coefficient", "10"}, kinds...)
	command := exec.Command(gremlins, append(args, "./internal/"+name)...)
	command.Env = env
	if said, err := command.CombinedOutput(); err != nil {
		return result{}, fmt.Errorf("%w: %s", err, said)
	}
	text, err := os.ReadFile(output)
	if err != nil {
		return result{}, err
	}
	r, err := readReport(text, filepath.Join("internal", name))
	r.name, r.took = name, time.Since(start).Round(time.Second)
	return r, err
}

// readReport reads gremlins' report about the package in a directory.
func readReport(text []byte, directory string) (result, error) {
	var report struct {
		Files []struct {
			Name      string     `json:"file_name"`
			Mutations []mutation `json:"mutations"`
		} `json:"files"`
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return result{}, err
	}
	r := result{count: map[string]int{}}
	for _, file := range report.Files {
		source, err := os.ReadFile(filepath.Join(directory, file.Name))
		if err != nil {
			return result{}, err
		}
		lines := strings.Split(string(source), "\n")
		for _, m := range file.Mutations {
			r.count[m.Status]++
			if m.Status != killed && m.Status != notViable {
				m.file, m.text = file.Name, strings.TrimSpace(lines[m.Line-1])
				r.missed = append(r.missed, m)
			}
		}
	}
	return r, nil
}
