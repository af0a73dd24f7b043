package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/test/host"
	"eic/test/needs"
	"eic/test/trial"
)

// Most scripts wait for a budget to be spent, so more of them run in parallel than there are
// processors.
func TestMain(m *testing.M) {
	trial.Parallel(16)
	os.Exit(m.Run())
}

const scriptDir = "testdata/script"

// aliceKey is the key that is pushed for alice in every world of the scripts.
const aliceKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOy89h7QX3Q1jvRWAzMkqQhb4bT4vdg1BfSVDp4gCJkR alice@laptop"

// longestRun is the time limit of a run, whatever the world does.
const longestRun = 6 * time.Second

// TestScript runs the scripts against the released program, with a simulated world for each.
// Besides testscript's own commands, scripts have these:
//
//	world [FAULT...]    starts a world with these faults and pushes a key for alice
//	ask STATUS [ARG...] runs "eic authorized-keys" with the flags for that world
//	                    before ARG
//	run STATUS PROGRAM [ARG...]
//	                    runs a program that must end with that status
//	log [REGEXP...]     requires that each line of the program's log matches a
//	                    REGEXP, and each REGEXP a line
//	requests N          requires that the world has had N requests since its start
//	fault NAME STATUS STDOUT [REGEXP...]
//	                    starts a world with one fault, asks for alice's keys, and
//	                    requires an exit status, a standard output ("nothing", only
//	                    the pushed "key", or several "keys" with the pushed one
//	                    among them), and a log
//	budget TIME         sets --budget for later commands
func TestScript(t *testing.T) {
	needs.Root(t) // the program accepts a file of trust anchors only if root owns it
	dir := t.TempDir()
	require.NoError(t, host.Build(t.Context(), dir))
	require.NoError(t, os.Symlink("eic", filepath.Join(dir, oldName)))
	keys := new(ca.Keys)
	testscript.Run(t, testscript.Params{
		Dir: scriptDir,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", dir)
			env.Setenv("KEY", aliceKey)
			s := &script{keys: keys, anchors: filepath.Join(env.WorkDir, "anchors.pem")}
			env.Setenv("ANCHORS", s.anchors)
			env.Values[script{}] = s
			env.Defer(s.end)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"world":    scripted((*script).world),
			"ask":      scripted((*script).ask),
			"run":      scripted((*script).run),
			"log":      scripted((*script).log),
			"requests": scripted((*script).requests),
			"fault":    scripted((*script).fault),
			"budget":   scripted((*script).setBudget),
		},
	})
}

// Every fault of the simulator has a script, except for faults of transport, which test/faults
// tests.
func TestEveryFaultHasAScript(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(scriptDir, "*.txtar"))
	require.NoError(t, err)
	row := regexp.MustCompile(`(?m)^fault +(\S+)`)
	var rows []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, match := range row.FindAllStringSubmatch(string(text), -1) {
			rows = append(rows, match[1])
		}
	}
	var names []string
	for _, fault := range sim.Faults() {
		if !fault.Transport {
			names = append(names, fault.Name)
		}
	}
	require.ElementsMatch(t, names, rows)
}

// script is the state of one running script.
type script struct {
	keys    *ca.Keys
	anchors string
	budget  string
	sim     *sim.Sim
}

func (s *script) end() {
	if s.sim != nil {
		s.sim.Close()
		s.sim = nil
	}
}

// scripted makes a testscript command of a method. The command cannot be negated.
func scripted(method func(*script, *testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, negated bool, args []string) {
		if negated {
			ts.Fatalf("this command cannot be negated")
		}
		method(ts.Value(script{}).(*script), ts, args)
	}
}

func (s *script) world(ts *testscript.TestScript, faults []string) {
	s.end()
	var err error
	options := sim.Options{Keys: s.keys, Faults: faults}
	if len(faults) > 0 && strings.HasPrefix(faults[0], "ttl=") {
		options.TTL, err = time.ParseDuration(strings.TrimPrefix(faults[0], "ttl="))
		ts.Check(err)
		options.Faults = faults[1:]
	}
	s.sim, err = sim.Start(options)
	ts.Check(err)
	_, err = s.sim.Push("alice", aliceKey)
	ts.Check(err)
	ts.Check(os.WriteFile(s.anchors, s.sim.Roots, 0o644))
	ts.Setenv("IMDS", s.sim.IMDS[0])
}

func (s *script) setBudget(_ *testscript.TestScript, args []string) { s.budget = args[0] }

func (s *script) ask(ts *testscript.TestScript, args []string) {
	all := []string{args[0], "eic", "authorized-keys", "--log=stderr", "--imds-endpoint=" + s.sim.IMDS[0],
		"--no-instance-check", "--trust-anchors=" + s.anchors}
	if s.budget != "" {
		all = append(all, "--budget="+s.budget)
	}
	s.run(ts, append(all, args[1:]...))
}

func (s *script) run(ts *testscript.TestScript, args []string) {
	start := time.Now()
	err := ts.Exec(args[1], args[2:]...)
	if took := time.Since(start); took > longestRun {
		ts.Fatalf("the run took %s", took)
	}
	status, exit := 0, new(exec.ExitError)
	if errors.As(err, &exit) {
		status = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("exit status %d, expected %s", status, args[0])
	}
}

func (s *script) log(ts *testscript.TestScript, patterns []string) {
	var lines []string
	if text := strings.TrimSuffix(ts.ReadFile("stderr"), "\n"); text != "" {
		lines = strings.Split(text, "\n")
	}
	for _, pattern := range patterns {
		if !slices.ContainsFunc(lines, regexp.MustCompile(pattern).MatchString) {
			ts.Fatalf("no line of the log matches %q", pattern)
		}
	}
	for _, line := range lines {
		matches := func(pattern string) bool { return regexp.MustCompile(pattern).MatchString(line) }
		if !slices.ContainsFunc(patterns, matches) {
			ts.Fatalf("unexpected line in the log: %q", line)
		}
	}
}

func (s *script) requests(ts *testscript.TestScript, args []string) {
	if total := s.sim.Stats().Total(); strconv.Itoa(total) != args[0] {
		ts.Fatalf("%d requests, expected %s", total, args[0])
	}
}

func (s *script) fault(ts *testscript.TestScript, args []string) {
	name, status, keys, log := args[0], args[1], args[2], args[3:]
	s.world(ts, []string{name})
	s.ask(ts, []string{status, "alice"})
	printed := strings.Split(strings.TrimSuffix(ts.ReadFile("stdout"), "\n"), "\n")
	switch {
	case keys == "nothing" && ts.ReadFile("stdout") != "",
		keys == "key" && !slices.Equal(printed, []string{aliceKey}),
		keys == "keys" && (len(printed) < 2 || !slices.Contains(printed, aliceKey)):
		ts.Fatalf("%s: expected on stdout: %s", name, keys)
	}
	if (expectation(name) == sim.Printed) != (keys != "nothing") {
		ts.Fatalf("%s: the simulator expects another result: %s", name, expectation(name))
	}
	s.log(ts, log)
}

func expectation(name string) sim.Expectation {
	for _, fault := range sim.Faults() {
		if fault.Name == name {
			return fault.Expect
		}
	}
	return ""
}
