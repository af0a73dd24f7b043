// Package packaging has only tests. They compare the files that are written by hand,
// such as manuals, with the programs.
package packaging

import (
	"debug/buildinfo"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// build builds a program of this module and returns its file.
func build(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("go", "build", "-o", file, "eic/cmd/"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return file
}

// help returns what a program prints on its standard output.
func help(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).Output()
	require.NoError(t, err)
	return string(out)
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

// words returns what the expression's group matches in a text, sorted.
func words(expression, text string) []string {
	var found []string
	for _, match := range regexp.MustCompile(expression).FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

const (
	commandInHelp = `(?m)^  ([a-z][a-z-]*) +\S`
	flagInHelp    = `(?m)^ +(?:-., )?(--[a-z][a-z0-9-]*)`
	flagInManual  = `(?m)^\*\*(--[a-z][a-z0-9-]*)\*\*`
	// The words of a page whose command also accepts the flags of authorized-keys, except
	// those in the group.
	sharedFlags = `flags of eic-authorized-keys\(8\)(?: but ((?:\*\*--[a-z0-9-]+\*\*(?:, | and )?)+))?`
)

// section returns the manual of a command: the text below its heading in all pages, or
// the command's own page.
func section(t *testing.T, program, command string) string {
	t.Helper()
	if own := "man/" + program + "-" + command + ".8.md"; exists(own) && !strings.Contains(read(t, own), heading(program, command)) {
		return read(t, own)
	}
	pages, err := filepath.Glob("man/*.md")
	require.NoError(t, err)
	text := ""
	for _, page := range pages {
		_, below, _ := strings.Cut(read(t, page), heading(program, command))
		below, _, _ = strings.Cut(below, "\n## ")
		below, _, _ = strings.Cut(below, "\n# ")
		text += below
	}
	require.NotEmpty(t, text, "no page describes %s %s", program, command)
	return text
}

// heading returns the heading of a command in a page.
func heading(program, command string) string { return "\n## " + program + " " + command + "\n" }

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func TestManualsDocumentExactlyTheFlagsOfHelp(t *testing.T) {
	for program, page := range map[string]string{"eic": "man/eic.8.md", "eic-sim": "man/eic-sim.1.md"} {
		file := build(t, program)
		commands := words(commandInHelp, help(t, file, "help"))
		require.NotEmpty(t, commands)
		require.Subset(t, commands, words(`(?m)^## `+program+` ([a-z-]+)$`, read(t, page)), "commands on %s", page)
		for _, command := range commands {
			t.Run(program+" "+command, func(t *testing.T) {
				text := section(t, program, command)
				documented := words(flagInManual, text)
				require.Len(t, regexp.MustCompile(flagInManual).FindAllString(text, -1), len(documented), "a flag is documented twice")
				if shared := regexp.MustCompile(sharedFlags).FindStringSubmatch(text); shared != nil {
					for _, flag := range words(flagInManual, read(t, "man/eic-authorized-keys.8.md")) {
						if !strings.Contains(shared[1], "**"+flag+"**") {
							documented = append(documented, flag)
						}
					}
				}
				slices.Sort(documented)
				require.Equal(t, words(flagInHelp, help(t, file, command, "--help")), slices.Compact(documented))
			})
		}
	}
}

func TestEveryManualPageHasACommand(t *testing.T) {
	commands := words(commandInHelp, help(t, build(t, "eic"), "help"))
	pages, err := filepath.Glob("man/eic-*.8.md")
	require.NoError(t, err)
	for _, page := range pages {
		command := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(page), "eic-"), ".8.md")
		require.Contains(t, commands, command, page)
	}
}

// licenses returns the licenses in the copyright file, by module, and by directory of ours
// that contains other people's work.
func licenses(t *testing.T) map[string]string {
	t.Helper()
	licenses := map[string]string{}
	for _, stanza := range strings.Split(read(t, "copyright"), "\n\n") {
		files, rest, _ := strings.Cut(stanza, "\nCopyright:")
		for _, name := range words(`(?m)^(?:Files:)? (\S+)/\*$`, files) {
			licenses[name] = words(`(?m)^License: (\S+)$`, rest)[0]
		}
	}
	require.NotEmpty(t, licenses)
	return licenses
}

// linked returns the modules that are linked into a program, Go among them.
func linked(t *testing.T, program string) []string {
	t.Helper()
	info, err := buildinfo.ReadFile(build(t, program))
	require.NoError(t, err)
	require.NotEmpty(t, info.Deps)
	modules := []string{"go"}
	for _, module := range info.Deps {
		modules = append(modules, module.Path)
	}
	return modules
}

// Each linked module has a stanza, and each stanza a linked module. The license field of a
// package names the licenses of its contents.
func TestCopyrightNamesExactlyTheLinkedModules(t *testing.T) {
	spdx := map[string]string{
		"Apache-2.0": "Apache-2.0", "BSD-3-clause-Go": "BSD-3-Clause", "BSD-3-clause-psx": "BSD-3-Clause", "Expat": "MIT", "ISC": "ISC", "MPL-2.0": "MPL-2.0",
	}
	unused := licenses(t)
	for program, config := range map[string]string{"eic": "nfpm.yaml", "eic-sim": "nfpm-sim.yaml"} {
		modules := linked(t, program)
		within := []string{"Apache-2.0"} // ours
		for name, license := range licenses(t) {
			isOurs := strings.HasPrefix(name, "internal/")
			if isOurs {
				require.DirExists(t, "../"+name)
			}
			if isOurs && program == "eic" || slices.ContainsFunc(modules, below(name)) {
				within = append(within, spdx[license])
				delete(unused, name)
			}
		}
		for _, module := range modules {
			require.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(licenses(t))), func(name string) bool { return below(name)(module) }),
				"%s is linked into %s but has no stanza", module, program)
		}
		slices.Sort(within)
		require.Contains(t, read(t, config), "\nlicense: "+strings.Join(slices.Compact(within), " AND ")+"\n")
	}
	require.Empty(t, unused, "stanzas of modules that are not linked")
}

// below returns a function that reports whether a module has the name, or is below it.
func below(name string) func(module string) bool {
	return func(module string) bool { return module == name || strings.HasPrefix(module, name+"/") }
}

// settingsOf returns the blocks of a page that are examples of eic.conf: indented in a
// manual, fenced elsewhere.
func settingsOf(page string) []string {
	var blocks []string
	for _, match := range regexp.MustCompile("(?m)(?:^    .*\n)+|^```conf\n(?:[^`\n].*\n)+").FindAllString(page, -1) {
		block := regexp.MustCompile("(?m)^(    |```conf\n)").ReplaceAllString(match, "")
		if strings.HasPrefix(block, "# ") {
			blocks = append(blocks, block)
		}
	}
	return blocks
}

// People copy the examples, so they must be valid in every partition.
func TestExamplesOfSettingsAreAccepted(t *testing.T) {
	examples := append(settingsOf(read(t, "man/eic.conf.5.md")), settingsOf(read(t, "../docs/how-to/policy.md"))...)
	require.Len(t, examples, 4)
	examples = append(examples, regexp.MustCompile(`(?m)^#([a-z])`).ReplaceAllString(read(t, "etc/eic.conf"), "$1"))
	program := build(t, "eic")
	for _, example := range examples {
		require.Contains(t, example, "arn:aws:")
		for _, partition := range []string{"aws", "aws-us-gov", "aws-cn"} {
			file := filepath.Join(t.TempDir(), "eic.conf")
			text := strings.ReplaceAll(example, "arn:aws:", "arn:"+partition+":")
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			out, err := exec.Command(program, "policy", "test", "--config", file, "bin", "arn:"+partition+":iam::1:user/nobody").CombinedOutput()
			exit := new(exec.ExitError)
			require.ErrorAs(t, err, &exit)
			require.Equal(t, 1, exit.ExitCode(), "%s\n%s", text, out)
		}
	}
}

// The page shows output of the program, which must be real.
func TestPolicyPageShowsTheOutputOfPolicyTest(t *testing.T) {
	page := read(t, "../docs/how-to/policy.md")
	blocks := settingsOf(page)
	directory := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(directory, "eic.conf"), []byte(blocks[len(blocks)-1]), 0o600))
	program := build(t, "eic")
	said := regexp.MustCompile(`(?m)^\$ eic (policy test .*)\n((?:[^$\x60].*\n)+)`).FindAllStringSubmatch(page, -1)
	require.Len(t, said, 2)
	for _, match := range said {
		command := exec.Command(program, strings.Fields(match[1])...)
		command.Dir = directory
		out, _ := command.Output() // the exit status is another test's
		require.Regexp(t, "^"+strings.ReplaceAll(regexp.QuoteMeta(match[2]), `…`, ".*")+"$", string(out))
	}
}
