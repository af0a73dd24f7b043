// Package supplychain checks the dependencies and the imports of the product.
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

// goTool runs the go command in the module and returns what it printed.
func goTool(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.Command("go", args...)
	command.Dir = "../.."
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return string(output)
}

// listed returns the modules in the table below a heading of the page on dependencies. No cell
// may be empty.
func listed(t *testing.T, heading string) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/reference/dependencies.md")
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

// A dependency without a reason on the page must not be linked into the program.
func TestOnlyListedModulesAreLinked(t *testing.T) {
	output := goTool(t, "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", "./cmd/eic")
	linked := strings.Fields(output)
	slices.Sort(linked)
	require.Equal(t, listed(t, "Linked into `eic`"), slices.Compact(linked))
	require.Contains(t, linked, "github.com/aws/aws-sdk-go-v2/feature/ec2/imds", "eic must use AWS's own client of IMDSv2")
}

func TestEveryDirectDependencyIsListed(t *testing.T) {
	direct := strings.Fields(goTool(t, "list", "-m", "-f", "{{if not (or .Main .Indirect)}}{{.Path}}{{end}}", "all"))
	all := append(listed(t, "Linked into `eic`"), listed(t, "In tests and the simulator only")...)
	require.Subset(t, all, direct)
}

func TestModulesMatchTheirChecksums(t *testing.T) {
	require.Contains(t, goTool(t, "mod", "verify"), "all modules verified")
}

// Shared code could hide that the simulator and the verifier misread the protocol in the same way.
func TestSimulatorAndVerifierShareNoCode(t *testing.T) {
	ours := func(target string) []string {
		output := goTool(t, "list", "-deps", "-f", "{{if .Module}}{{if .Module.Main}}{{.ImportPath}}{{end}}{{end}}", target)
		return strings.Fields(output)
	}
	product := ours("./cmd/eic")
	require.Contains(t, product, "eic/internal/trust")
	for _, path := range ours("./cmd/eic-sim") {
		require.NotContains(t, product, path)
	}
}

// mayImport lists the imports, below internal/, of each package of the product. Data flows one
// way: a package that decides about keys does not know where its evidence comes from.
var mayImport = map[string][]string{
	"account":       nil,
	"activekeys":    nil,
	"argv":          nil,
	"audit":         {"authorize", "printable"},
	"authorize":     {"activekeys", "wildcard"},
	"cmdline":       nil,
	"confine":       nil,
	"doctor":        {"account", "argv", "authorize", "evidence", "instance", "lookup", "metadata", "othercommand", "printable", "remedy", "selinux", "settings", "sshd", "trust", "trustedfile"},
	"enable":        {"account", "argv", "authorize", "selinux", "sshd"},
	"evidence":      {"authorize", "instance", "lookup", "metadata", "trust", "trustedfile"},
	"explain":       {"activekeys", "authorize", "evidence", "instance", "lookup", "metadata", "printable", "remedy", "trust"},
	"instance":      nil,
	"lookup":        {"activekeys", "authorize", "instance", "metadata", "trust"},
	"metadata":      nil,
	"othercommand":  {"argv", "trustedfile"},
	"printable":     nil,
	"selinux":       nil,
	"remedy":        nil,
	"settings":      {"audit", "authorize", "cmdline", "confine", "instance", "lookup", "metadata", "othercommand", "trust", "trustedfile"},
	"sshd":          {"account", "argv", "trustedfile", "wildcard"},
	"sshd/sshdtest": {"test/needs"},
	"trust":         nil,
	"trustedfile":   nil,
	"wildcard":      nil,
}

const internal = "eic/internal/"

// ofSimulator reports whether a path below internal/ belongs to the simulator.
func ofSimulator(path string) bool { return path == "sim" || strings.HasPrefix(path, "sim/") }

// A package that decides about keys must not reach the network through another package.
func TestPackagesImportOnlyWhatIsListed(t *testing.T) {
	imports := make(map[string][]string)
	for line := range strings.Lines(goTool(t, "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./internal/...")) {
		paths := strings.Fields(line)
		name := strings.TrimPrefix(paths[0], internal)
		if ofSimulator(name) {
			continue
		}
		imports[name] = nil
		for _, path := range paths[1:] {
			if ours, ok := strings.CutPrefix(path, "eic/"); ok {
				imports[name] = append(imports[name], strings.TrimPrefix(ours, "internal/"))
			}
		}
		slices.Sort(imports[name])
	}
	require.Equal(t, mayImport, imports)
}

// A simulator that uses the verifier would agree with it even if both are wrong. The same goes for
// the simulator's tests.
func TestSimulatorAndItsTestsDoNotUseTheVerifier(t *testing.T) {
	output := goTool(t, "list", "-deps", "-test", "-f", "{{if .Module}}{{if .Module.Main}}{{.ImportPath}}{{end}}{{end}}", "./internal/sim/...")
	require.Contains(t, output, "eic/internal/sim/ca\n")
	for line := range strings.Lines(output) {
		path := strings.Fields(line)[0] // the test for which it is built may follow
		path = strings.TrimSuffix(strings.TrimSuffix(path, ".test"), "_test")
		if name, ok := strings.CutPrefix(path, internal); ok {
			require.True(t, ofSimulator(name), path)
		}
		require.NotRegexp(t, "^eic/cmd/", path)
	}
}

// Packages that decide about keys must not do I/O themselves.
func TestDecidingPackagesImportNoIO(t *testing.T) {
	able := []string{
		"os", "os/exec", "net", "net/http", "crypto/tls", "syscall", "golang.org/x/sys/unix", "io/fs", "log", "log/slog", "log/syslog",
	}
	for _, target := range []string{"./internal/activekeys", "./internal/trust", "./internal/authorize"} {
		output := goTool(t, "list", "-f", "{{join .Imports \"\\n\"}}", target)
		for _, path := range strings.Fields(output) {
			require.NotContains(t, able, path, target)
			require.NotContains(t, path, "aws", target)
		}
	}
}
