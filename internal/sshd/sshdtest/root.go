// Package sshdtest creates root directories for tests in which a real sshd runs.
package sshdtest

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"eic/test/needs"
)

var sshdRoot = flag.String("sshd-root", "", "take sshd and its libraries from this directory, the root of another machine, instead of from this one")

// program holds sshd, bash and their libraries, which are linked into each root.
var program = sync.OnceValues(func() (string, error) {
	if *sshdRoot != "" {
		return *sshdRoot, nil
	}
	directory, err := os.MkdirTemp("", "sshd-")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("ldd", "/usr/sbin/sshd", "/bin/bash").Output()
	if err != nil {
		return directory, fmt.Errorf("ldd /usr/sbin/sshd /bin/bash: %w", err)
	}
	for _, file := range regexp.MustCompile(`/[^\s:]+`).FindAllString(string(out), -1) {
		data, err := os.ReadFile(file)
		if err != nil {
			return directory, err
		}
		copied := filepath.Join(directory, file)
		if err := os.MkdirAll(filepath.Dir(copied), 0o755); err != nil {
			return directory, err
		}
		if err := os.WriteFile(copied, data, 0o755); err != nil {
			return directory, err
		}
	}
	return directory, nil
})

// Main runs the tests of a package and returns their exit status. It removes the files
// that the roots share.
func Main(m *testing.M) int {
	code := m.Run()
	if directory, _ := program(); directory != *sshdRoot {
		if err := os.RemoveAll(directory); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	return code
}

// NeedRoot skips the test if it cannot run sshd in a root directory. In CI the test fails
// instead.
func NeedRoot(t *testing.T) {
	t.Helper()
	needs.Root(t)
	needs.Tool(t, "/usr/sbin/sshd")
}

// NewRoot creates a root in which sshd runs, without host keys and /run/sshd.
func NewRoot(t *testing.T, files map[string]string) string {
	t.Helper()
	NeedRoot(t)
	root := NewTree(t, map[string]string{
		"etc/passwd": "root:x:0:0::/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/bin/false\ngit:x:1000:1000::/home/git:/bin/sh\n" +
			"_eic:x:990:990::/nonexistent:/usr/sbin/nologin\n",
		"etc/group": "root:x:0:\ngit:x:1000:\n",
		"dev/null":  "",
	})
	from, err := program()
	require.NoError(t, err)
	for _, directory := range []string{"usr", "lib", "lib64", "bin", "sbin"} {
		linkTree(t, filepath.Join(from, directory), filepath.Join(root, directory))
	}
	for _, directory := range []string{"tmp", "etc/ssh"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, directory), 0o755))
	}
	PutFiles(t, root, files)
	return root
}

// linkTree creates hard links to all files in a directory, if it exists.
func linkTree(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		copied := to + strings.TrimPrefix(name, from)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case entry.IsDir():
			return os.MkdirAll(copied, 0o755)
		default:
			return os.Link(name, copied)
		}
	}))
}

// NewTree creates a root that contains only the given files. Names have no leading slash.
func NewTree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	PutFiles(t, root, files)
	return root
}

// PutFiles writes files below a root, replacing existing ones.
func PutFiles(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		where := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(where), 0o755))
		if err := os.Remove(where); err != nil { // so as not to write through a hard link
			require.ErrorIs(t, err, fs.ErrNotExist)
		}
		require.NoError(t, os.WriteFile(where, []byte(content), 0o644))
	}
}

// ReadFile returns the contents of a file, whose path is given in elements.
func ReadFile(t *testing.T, elements ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elements...))
	require.NoError(t, err)
	return string(data)
}

// Snapshot describes everything in a root: type, mode, owner, extended attributes, and
// contents or target.
func Snapshot(t *testing.T, root string) string {
	t.Helper()
	var lines []string
	require.NoError(t, filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		stat := info.Sys().(*syscall.Stat_t)
		line := fmt.Sprintf("%s %s %d:%d", strings.TrimPrefix(name, root), info.Mode(), stat.Uid, stat.Gid)
		switch {
		case info.Mode().Type() == fs.ModeSymlink:
			target, err := os.Readlink(name)
			require.NoError(t, err)
			line += " -> " + target
		case info.Mode().IsRegular() && stat.Nlink == 1:
			line += attributes(t, name)
			line += fmt.Sprintf(" %q", ReadFile(t, name))
		}
		lines = append(lines, line)
		return nil
	}))
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// attributes describes the extended attributes of a file.
func attributes(t *testing.T, name string) string {
	t.Helper()
	buffer := make([]byte, 4096)
	size, err := unix.Listxattr(name, buffer)
	require.NoError(t, err)
	var text string
	for attr := range strings.SplitSeq(strings.TrimRight(string(buffer[:size]), "\x00"), "\x00") {
		if attr == "" {
			continue
		}
		value := make([]byte, 4096)
		size, err := unix.Getxattr(name, attr, value)
		require.NoError(t, err)
		text += fmt.Sprintf(" %s=%q", attr, value[:size])
	}
	return text
}

// eic builds the product.
var eic = sync.OnceValues(func() ([]byte, error) {
	directory, err := os.MkdirTemp("", "eic-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(directory) //nolint:errcheck // a directory left behind is harmless
	file := filepath.Join(directory, "eic")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", file, "eic/cmd/eic")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building eic: %w\n%s", err, out)
	}
	return os.ReadFile(file)
})

// InstallEic installs the product where sshd expects it in a root.
func InstallEic(t *testing.T, root string) {
	t.Helper()
	binary, err := eic()
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "usr/bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "usr/bin/eic"), binary, 0o755))
}

// Command returns a command that runs inside a root, as root.
func Command(root, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	return cmd
}

// InstallPrograms copies programs of this machine and their libraries into a root.
func InstallPrograms(t *testing.T, root string, names ...string) {
	t.Helper()
	for _, name := range names {
		file, err := exec.LookPath(name)
		require.NoError(t, err)
		out, err := exec.Command("ldd", file).Output()
		require.NoError(t, err)
		for _, from := range append(regexp.MustCompile(`/[^\s:]+`).FindAllString(string(out), -1), file) {
			to := filepath.Join(root, from)
			if _, err := os.Stat(to); err == nil {
				continue
			}
			data, err := os.ReadFile(from)
			require.NoError(t, err)
			require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
			require.NoError(t, os.WriteFile(to, data, 0o755))
		}
	}
}
