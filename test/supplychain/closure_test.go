// Package supplychain checks what the product is made of.
package supplychain

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	command := exec.Command(name, args...)
	command.Dir = "../.."
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return string(output)
}

// listed returns the modules in the table below a heading of the page on
// dependencies. Each row must be filled in whole.
func listed(t *testing.T, heading string) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/dependencies.md")
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(page), "\n## "+heading+"\n")
	require.True(t, ok, "no section %q", heading)
	section, _, _ = strings.Cut(section, "\n## ")
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\| ([^|]+) \\|$")
	var modules []string
	for _, match := range row.FindAllStringSubmatch(section, -1) {
		modules = append(modules, match[1])
	}
	slices.Sort(modules)
	return modules
}

// A dependency that nobody gave a reason for must not find its way into the
// binary.
func TestOnlyListedModulesAreLinked(t *testing.T) {
	output := run(t, "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", "./cmd/eic")
	linked := strings.Fields(output)
	slices.Sort(linked)
	require.Equal(t, listed(t, "Linked into `eic`"), slices.Compact(linked))
}

func TestEveryDirectDependencyIsListed(t *testing.T) {
	direct := strings.Fields(run(t, "go", "list", "-m", "-f", "{{if not (or .Main .Indirect)}}{{.Path}}{{end}}", "all"))
	all := append(listed(t, "Linked into `eic`"), listed(t, "In tests and the simulator only")...)
	require.Subset(t, all, direct)
}

func TestModulesAreWhatTheirChecksumsSay(t *testing.T) {
	require.Contains(t, run(t, "go", "mod", "verify"), "all modules verified")
}

// The simulator and the verifier must not share a misreading.
func TestSimulatorAndVerifierShareNoCode(t *testing.T) {
	ours := func(target string) []string {
		output := run(t, "go", "list", "-deps", "-f", "{{if .Module}}{{if .Module.Main}}{{.ImportPath}}{{end}}{{end}}", target)
		return strings.Fields(output)
	}
	product := ours("./cmd/eic")
	require.Contains(t, product, "eic/internal/trust")
	for _, path := range ours("./cmd/eic-sim") {
		require.NotContains(t, product, path)
	}
}

// Packages that judge must not be able to do I/O behind a reader's back.
func TestJudgingPackagesReachNoNetwork(t *testing.T) {
	for _, target := range []string{"./internal/activekeys", "./internal/trust", "./internal/authorize"} {
		output := run(t, "go", "list", "-f", "{{join .Imports \"\\n\"}}", target)
		for _, path := range strings.Fields(output) {
			require.NotContains(t, []string{"os", "os/exec", "net", "net/http", "syscall", "io/fs"}, path, target)
			require.NotContains(t, path, "aws", target)
		}
	}
}
