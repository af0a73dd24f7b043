//go:build packages

package packages

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/documents"
	"eic/test/host"
)

// executedPages are the pages whose commands the test runs.
var executedPages = []string{
	"how-to/air-gapped.md", "how-to/ami-bake.md", "how-to/fleet.md", "how-to/install.md", "how-to/managed-sshd.md",
	"how-to/migrating.md", "how-to/troubleshooting.md", "tutorials/first-host.md",
}

// Every block of commands runs unchanged and in order, on the machines that the page's
// comments name. Package documents describes these comments.
func TestCommandsOfThePagesWork(t *testing.T) {
	run, left := 0, 0
	for _, page := range executedPages {
		t.Run(filepath.Base(page), func(t *testing.T) {
			r := reader{t: t, page: page, aws: startControlPlane(t)}
			for _, group := range machines(r.blocks()) {
				t.Run(strings.ReplaceAll(group[0].Value, " ", "_"), func(t *testing.T) {
					r.t = t
					r.follow(group)
				})
			}
			run, left = run+r.run, left+r.left
			if page == "how-to/fleet.md" && !t.Failed() {
				r.aws.requireCalls(t)
			}
		})
	}
	require.Greater(t, run, 5*left, "the test runs %d blocks of the pages and leaves out %d, expected more than five to one", run, left)
}

// machines groups the blocks of a page by machine.
func machines(blocks []documents.Block) [][]documents.Block {
	var groups [][]documents.Block
	for _, b := range blocks {
		if b.Directive == "machine" || groups == nil {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], b)
	}
	return groups
}

// reader runs the commands of a page, as its reader would.
type reader struct {
	t         *testing.T
	page      string
	aws       *controlPlane
	on        place
	run, left int
}

// blocks returns the blocks of the page.
func (r *reader) blocks() []documents.Block {
	r.t.Helper()
	blocks, err := documents.Blocks(filepath.Join(module, "docs", r.page))
	require.NoError(r.t, err)
	require.NotEmpty(r.t, blocks)
	return blocks
}

// place is where commands run: a machine, with its listing from before, or a laptop.
type place struct {
	machine
	before []string
	laptop func(commands string)
}

// follow runs the blocks for one machine.
func (r *reader) follow(blocks []documents.Block) {
	r.t.Helper()
	r.on = place{}
	leave := ""
	for _, b := range blocks {
		switch b.Directive {
		case "machine":
			r.on = r.place(b.Value)
		case "prepare":
			r.prepare(b.Value)
		case "then":
			r.check(b.Value)
		case "not run", "run by":
			leave = b.Directive
		case "":
			switch leave {
			case "not run":
				r.left++
			default:
				r.run++
			}
			if leave != "" {
				leave = ""
				continue
			}
			require.False(r.t, r.on.Host == nil && r.on.laptop == nil, "%s:%d: no machine comment before this block", r.page, b.Line)
			r.script(b.Commands)
		}
	}
}

// packagesAt is where the reader has copied the packages to.
const packagesAt = "/run/packages"

func (r *reader) place(kind string) place {
	r.t.Helper()
	var m machine
	switch kind {
	case "aws":
		return place{laptop: r.aws.laptop(r.t)}
	case "debian":
		m = start(r.t, "trixie")
	case "rpm":
		m = startRPM(r.t)
	case "arch":
		m = start(r.t, "rpm")
		m.must("/usr/bin/ln", "-sf", "bash", "/usr/bin/sh") // as on Arch; nfpm's wrapper around the scripts needs bash
	default:
		require.Fail(r.t, r.page+": unknown machine "+kind)
	}
	require.NoError(r.t, m.StartSSHD())
	before := m.listing()
	m.copyPackages(packagesAt)
	m.write("/run/older/ec2-instance-connect.deb", m.contents(`older/ec2-instance-connect_.*\.deb`))
	return place{machine: m, before: before}
}

// contents returns the contents of a file that prepare made.
func (m machine) contents(pattern string) string {
	m.t.Helper()
	text, err := os.ReadFile(file(m.t, pattern))
	require.NoError(m.t, err)
	return string(text)
}

// prepare does the preparation that the page leaves to its reader.
func (r *reader) prepare(what string) {
	r.t.Helper()
	if what != "push a key for alice" {
		r.script(what)
		return
	}
	key := filepath.Join(r.t.TempDir(), "key")
	require.NoError(r.t, run(host.Keygen(key, "ed25519")))
	_, err := r.on.Service().Push(r.t.Context(), "alice", key)
	require.NoError(r.t, err)
}

// check checks the result that the page promises.
func (r *reader) check(what string) {
	r.t.Helper()
	switch what {
	case "login":
		r.on.StopSSHD()
		r.on.requireLogin()
		require.NoError(r.t, r.on.StartSSHD())
	case "nothing left":
		r.on.requireListing(r.on.before)
	default:
		require.Fail(r.t, r.page+": unknown check "+what)
	}
}

// prelude adapts the reader's shell to the test machines: pacman must ignore dependencies,
// because it did not install them there.
const prelude = `
pacman() { command pacman -dd "$@"; }
`

// script runs a block of commands. Each command has to succeed.
func (r *reader) script(commands string) {
	r.t.Helper()
	if r.on.laptop != nil {
		r.on.laptop(commands)
		return
	}
	r.on.must("/bin/sh", "-euc", "cd "+packagesAt+"\n"+prelude+commands)
}

// documented returns a page of the documentation, with the version that was built.
func documented(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(module, "docs", page))
	require.NoError(t, err)
	return asBuilt(t, string(text))
}

// indented returns the commands below a heading of a page.
func indented(t *testing.T, text, heading string) string {
	t.Helper()
	_, text, found := strings.Cut(text, "\n## "+heading+"\n")
	require.True(t, found, heading)
	text, _, _ = strings.Cut(text, "\n## ")
	lines := regexp.MustCompile(`(?m)^    (.*)$`).FindAllStringSubmatch(text, -1)
	var script []string
	for _, line := range lines {
		script = append(script, line[1])
	}
	require.NotEmpty(t, script)
	return strings.Join(script, "\n")
}

// asBuilt replaces the version of the next release, which pages and files name, with the
// version that was built. The two are equal only in a build of the release's tag.
func asBuilt(t *testing.T, text string) string {
	t.Helper()
	changelog, err := os.ReadFile(filepath.Join(module, "CHANGELOG.md"))
	require.NoError(t, err)
	release := regexp.MustCompile(`(?m)^## \[([0-9.]+)\]`).FindStringSubmatch(string(changelog))[1]
	return strings.ReplaceAll(text, release, version(t))
}
