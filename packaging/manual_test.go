// Package packaging has only tests: that what is written by hand beside the
// programs says of them what they say of themselves.
package packaging

import (
	"debug/buildinfo"
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
	// What a page says where a command takes the flags of authorized-keys too,
	// and of those that it does not take.
	sharedFlags = `flags of eic-authorized-keys\(8\)(?: but ((?:\*\*--[a-z0-9-]+\*\*(?:, | and )?)+))?`
)

// section returns what the manual says of a command: a page of its own, or
// what stands below its heading on the program's page.
func section(t *testing.T, program, page, command string) string {
	t.Helper()
	if own := "man/" + program + "-" + command + ".8.md"; exists(own) {
		return read(t, own)
	}
	_, text, found := strings.Cut(read(t, page), "\n## "+program+" "+command+"\n")
	require.True(t, found, "%s says nothing of %q", page, command)
	text, _, _ = strings.Cut(text, "\n## ")
	text, _, _ = strings.Cut(text, "\n# ")
	return text
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func TestManualHasEveryFlagAndNoOther(t *testing.T) {
	for program, page := range map[string]string{"eic": "man/eic.8.md", "eic-sim": "man/eic-sim.1.md"} {
		file := build(t, program)
		commands := words(commandInHelp, help(t, file, "help"))
		require.NotEmpty(t, commands)
		require.Subset(t, commands, words(`(?m)^## `+program+` ([a-z-]+)$`, read(t, page)), "commands on %s", page)
		for _, command := range commands {
			t.Run(program+" "+command, func(t *testing.T) {
				text := section(t, program, page, command)
				documented := words(flagInManual, text)
				require.Len(t, regexp.MustCompile(flagInManual).FindAllString(text, -1), len(documented), "a flag stands there twice")
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

func TestPagesOfCommandsThereAreNot(t *testing.T) {
	commands := words(commandInHelp, help(t, build(t, "eic"), "help"))
	pages, err := filepath.Glob("man/eic-*.8.md")
	require.NoError(t, err)
	for _, page := range pages {
		command := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(page), "eic-"), ".8.md")
		require.Contains(t, commands, command, page)
	}
}

func TestCopyrightNamesEveryModuleThatIsLinked(t *testing.T) {
	named := words(`(?m)^(?:Files:)? (\S+)/\*$`, read(t, "copyright"))
	require.NotEmpty(t, named)
	for _, program := range []string{"eic", "eic-sim"} {
		info, err := buildinfo.ReadFile(build(t, program))
		require.NoError(t, err)
		require.NotEmpty(t, info.Deps)
		for _, module := range info.Deps {
			require.True(t, slices.ContainsFunc(named, func(name string) bool {
				return module.Path == name || strings.HasPrefix(module.Path, name+"/")
			}), "%s is linked into %s", module.Path, program)
		}
	}
}

// The packages' changelog is in a form of its own; version and day must be
// those of the project's.
func TestPackagesHaveTheProjectsVersion(t *testing.T) {
	project := regexp.MustCompile(`(?m)^## \[([0-9.]+)\] - (\S+)$`).FindStringSubmatch(read(t, "../CHANGELOG.md"))
	require.NotNil(t, project)
	packages := regexp.MustCompile(`(?m)^- semver: ([0-9.]+)-1\n  date: ([^T]+)T`).FindStringSubmatch(read(t, "changelog.yaml"))
	require.NotNil(t, packages)
	require.Equal(t, project[1:], packages[1:])
}
