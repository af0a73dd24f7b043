//go:build packages

package packages

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/test/host"
	"eic/test/host/hosttest"
	"eic/test/roots"
)

// machine is an instance with the files of a root. Its Region is in China. There, the trust
// anchors are those of the system, so a login works as soon as the package is installed.
type machine struct {
	*host.Host
	t *testing.T
}

// start starts an instance with the user alice.
func start(t *testing.T, name string) machine {
	t.Helper()
	h := hosttest.Bare(t, host.Options{
		Root:  roots.Copy(t, name),
		Users: []string{"alice"},
		Sim:   sim.Options{Region: "cn-north-1", Domain: "amazonaws.com.cn"},
	})
	store, err := os.OpenFile(h.Path("/etc/ssl/certs/ca-certificates.crt"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = store.Write(h.Sim.Roots)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	return machine{h, t}
}

// copyIn copies a file to the machine and returns its name there.
func (m machine) copyIn(file string) string {
	m.t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(m.t, err)
	name := "/run/eic-test/" + filepath.Base(file)
	require.NoError(m.t, m.WriteFile(name, text))
	return name
}

// copyPackages copies what "make packages" makes to a directory of the machine.
func (m machine) copyPackages(to string) {
	m.t.Helper()
	m.copyFrom("new", to)
}

// copyFrom copies the files of a directory that prepare made.
func (m machine) copyFrom(made, to string) {
	m.t.Helper()
	made = filepath.Join(host.Prepared(), made)
	entries, err := os.ReadDir(made)
	require.NoError(m.t, err)
	for _, e := range entries {
		m.copyFile(filepath.Join(made, e.Name()), filepath.Join(to, e.Name()))
	}
}

// copyFile copies a file to the machine.
func (m machine) copyFile(file, to string) {
	m.t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(m.t, err)
	require.NoError(m.t, m.WriteFile(to, text))
}

// run runs a program and returns how it ended.
func (m machine) run(program string, args ...string) host.Result {
	m.t.Helper()
	result, err := host.Capture(m.t.Context(), m.Command("root", program, args...))
	require.NoError(m.t, err)
	m.t.Logf("%s %s: exit status %d\n%s%s", program, strings.Join(args, " "), result.Status, result.Stdout, result.Stderr)
	return result
}

// must runs a program, requires that it succeeds, and returns everything that it printed.
func (m machine) must(program string, args ...string) string {
	m.t.Helper()
	result := m.run(program, args...)
	require.Zero(m.t, result.Status)
	return result.Stdout + result.Stderr
}

func (m machine) read(name string) string {
	m.t.Helper()
	text, err := os.ReadFile(m.Path(name))
	require.NoError(m.t, err)
	return string(text)
}

func (m machine) write(name, text string) {
	m.t.Helper()
	require.NoError(m.t, m.WriteFile(name, []byte(text)))
}

// exists does not follow a link.
func (m machine) exists(name string) bool {
	_, err := os.Lstat(m.Path(name))
	return err == nil
}

// enabled reports whether the drop-in for sshd that enables eic exists.
func (m machine) enabled() bool { return m.exists(dropIn) }

// hasUser reports whether a user has this name.
func (m machine) hasUser(name string) bool {
	return strings.Contains(m.read("/etc/passwd"), "\n"+name+":")
}

// requireLogin requires that alice's key is refused before it is pushed and accepted
// afterwards.
func (m machine) requireLogin() {
	m.t.Helper()
	require.NoError(m.t, m.StartSSHD())
	defer m.StopSSHD()
	key := filepath.Join(m.t.TempDir(), "key")
	require.NoError(m.t, run(host.Keygen(key, "ed25519")))
	before, err := host.Capture(m.t.Context(), m.SSH("alice", key, "whoami"))
	require.NoError(m.t, err)
	require.Contains(m.t, before.Stderr, "Permission denied")
	_, err = m.Service().Push(m.t.Context(), "alice", key)
	require.NoError(m.t, err)
	after, err := host.Capture(m.t.Context(), m.SSH("alice", key, "whoami"))
	require.NoError(m.t, err)
	require.Equal(m.t, host.Result{Stdout: "alice\n"}, after, "%q", m.Log.Texts(""))
}

// systemUser matches the lines of the system user in passwd(5), group(5) and shadow(5).
var systemUser = regexp.MustCompile(`(?m)^_eic:.*\n`)

// requireMatchBlockSurvives adds a Match block that runs AWS's script as AWS's user for
// alice's group. It replaces AWS's package with eic, logs in, and removes eic.
func (m machine) requireMatchBlockSurvives(script string, replace func() string, remove func()) {
	m.t.Helper()
	m.must("/usr/sbin/groupadd", "ec2i")
	m.must("/usr/sbin/usermod", "--append", "--groups", "ec2i", "alice")
	const config = "/etc/ssh/sshd_config"
	before := m.read(config) + "Match Group ec2i\n\tAuthorizedKeysCommand " + script + " %u %f\n\tAuthorizedKeysCommandUser ec2-instance-connect\n"
	m.write(config, before)
	require.Contains(m.t, replace(), "run eic as _eic, no longer as ec2-instance-connect")
	require.False(m.t, m.hasUser("ec2-instance-connect"))
	require.Contains(m.t, m.read(config), "\tAuthorizedKeysCommandUser _eic\n")
	m.requireLogin()
	remove()
	require.Equal(m.t, before, m.read(config))
}

// listing returns every file of the machine with its mode, and the contents of those in
// /etc. It leaves out package databases, logs, and the system user, which stays after the
// package is removed.
func (m machine) listing() []string {
	m.t.Helper()
	var all []string
	err := filepath.WalkDir(m.Path("/"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := "/" + strings.TrimPrefix(strings.TrimPrefix(path, m.Path("/")), "/")
		if slices.Contains([]string{"/dev", "/proc", "/run", "/sys", "/var/cache", "/var/lib/apt", "/var/lib/dpkg", "/var/lib/rpm",
			"/var/lib/dnf", "/var/lib/pacman", "/var/log", "/etc/.pwd.lock"}, name) || strings.HasSuffix(name, "-") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		line := info.Mode().String() + " " + name
		if strings.HasPrefix(name, "/etc/") && info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += "\n" + systemUser.ReplaceAllString(string(text), "")
		}
		all = append(all, line)
		return nil
	})
	require.NoError(m.t, err)
	return all
}

// requireListing compares the machine with an earlier listing. kept names the files and
// directories that are expected to be new.
func (m machine) requireListing(before []string, kept ...string) {
	m.t.Helper()
	after := m.listing()
	require.Empty(m.t, missing(before, after), "files from before are missing or changed")
	var left []string
	for _, line := range missing(after, before) {
		line, _, _ = strings.Cut(line, "\n")
		_, name, _ := strings.Cut(line, " ")
		left = append(left, name)
	}
	require.ElementsMatch(m.t, kept, left, "expected exactly these new files")
}

// missing returns the lines that are not in others.
func missing(lines, others []string) []string {
	have := map[string]bool{}
	for _, line := range others {
		have[line] = true
	}
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return have[line] })
}
