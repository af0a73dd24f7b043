package confine

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"eic/test/needs"
)

// The tests confine a child process, because confinement cannot be undone.
const probeVariable = "CONFINE_PROBE"

func TestMain(m *testing.M) {
	if arguments := os.Getenv(probeVariable); arguments != "" {
		probe(strings.Split(arguments, "\n"))
		return
	}
	os.Exit(m.Run())
}

// probe confines itself and then tries from several threads what is allowed and what is
// forbidden. Its arguments are a directory that it may read, one that it may not read, the
// port that it may connect to, and a directory that it may write to.
func probe(arguments []string) {
	port, err := strconv.ParseUint(arguments[2], 10, 16)
	if err != nil {
		panic(err)
	}
	if err := Confine(Needs{ReadBelow: []string{arguments[0], "/does/not/exist"}, WriteBelow: arguments[3:], Port: uint16(port)}); err != nil {
		fmt.Println("confine:", err)
		return
	}
	err = os.WriteFile(filepath.Join(arguments[3], "new"), nil, 0o600)
	fmt.Println("write-needed", err == nil)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { try(arguments[0], arguments[1], uint16(port)) })
	}
	group.Wait()
}

func try(allowed, forbidden string, port uint16) {
	report := func(what string, err error) { fmt.Println(what, err == nil) }
	_, err := os.ReadFile(filepath.Join(allowed, "file"))
	report("read-allowed", err)
	_, err = os.ReadFile(filepath.Join(forbidden, "file"))
	report("read-forbidden", err)
	_, err = os.ReadFile("/etc/passwd")
	report("read-passwd", err)
	report("write-allowed", os.WriteFile(filepath.Join(allowed, "new"), nil, 0o600))
	report("execute", exec.Command("/bin/true").Run())
	report("connect-allowed", connect(port))
	report("connect-forbidden", connect(port+1))
	report("signal", unix.Kill(os.Getppid(), 0))
	flag, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	report("no-new-privs", oneElse(flag == 1, err))
	flag, err = unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	report("undumpable", oneElse(flag == 0, err))
}

func oneElse(ok bool, err error) error {
	if err == nil && !ok {
		return os.ErrInvalid
	}
	return err
}

// connect returns an error only if the kernel forbids the connection.
func connect(port uint16) error {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err == nil {
		return conn.Close()
	}
	if errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// runProbe returns each of the probe's findings. It fails if the threads disagree.
func runProbe(t *testing.T, wrapper ...string) map[string]bool {
	t.Helper()
	allowed, forbidden := t.TempDir(), t.TempDir()
	for _, directory := range []string{allowed, forbidden} {
		require.NoError(t, os.WriteFile(filepath.Join(directory, "file"), nil, 0o600))
	}
	arguments := append(wrapper, os.Args[0])
	command := exec.Command(arguments[0], arguments[1:]...)
	command.Env = append(os.Environ(), probeVariable+"="+strings.Join([]string{allowed, forbidden, "1338", t.TempDir()}, "\n"))
	command.Stderr = os.Stderr
	output, err := command.Output()
	require.NoError(t, err)
	found := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(string(output)), "\n") {
		what, verdict, ok := strings.Cut(line, " ")
		require.True(t, ok, "%s", output)
		before, seen := found[what]
		require.True(t, !seen || before == (verdict == "true"), "threads differ: %s", output)
		found[what] = verdict == "true"
	}
	return found
}

func TestConfinedProcess(t *testing.T) {
	require.Equal(t, map[string]bool{
		"read-allowed":      true,
		"read-forbidden":    false,
		"read-passwd":       false,
		"write-allowed":     false,
		"write-needed":      true,
		"execute":           false,
		"connect-allowed":   true,
		"connect-forbidden": false,
		"no-new-privs":      true,
		"signal":            false,
		"undumpable":        true,
	}, runProbe(t))
}

// Confine must succeed on a kernel before 5.13, or one booted without Landlock.
func TestKernelWithoutLandlock(t *testing.T) {
	strace := needs.Tool(t, "strace")
	found := runProbe(t, strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=landlock_create_ruleset",
		"-e", "inject=landlock_create_ruleset:error=ENOSYS")
	require.True(t, found["no-new-privs"])
	require.True(t, found["undumpable"])
	require.True(t, found["read-passwd"])
	require.True(t, found["connect-forbidden"])
}

// Landlock fails for a path that cannot be opened, so such paths are left out.
func TestUnreachablePathsAreLeftOut(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	directory := t.TempDir()
	require.Equal(t, []string{directory}, reachable([]string{file, filepath.Join(file, "below"), "/does/not/exist", directory}, unix.O_DIRECTORY))
	require.Equal(t, []string{file}, reachable([]string{filepath.Join(file, "below"), file}, 0))
}
