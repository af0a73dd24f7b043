package e2e

import (
	"debug/elf"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim/imds"
	"eic/test/host"
	"eic/test/host/hosttest"
	"eic/test/needs"
)

// traced runs eic as sshd does. It returns the output, and the system calls about processes,
// file names and the network, as strace(1) prints them.
func traced(t *testing.T, h *host.Host, user string) (stdout string, calls []string) {
	t.Helper()
	// strace runs as root, because eic forbids tracing by its own user.
	result := hosttest.Capture(t, h.Command("root", "/usr/bin/strace", "--user="+host.ServiceUser, "--follow-forks",
		"--quiet=all", "--signal=none", "--trace=%process,%file,%network", "--",
		host.Binary, "authorized-keys", "--trust-anchors", host.TrustAnchors, user))
	require.Zero(t, result.Status, result.Stderr)
	call := regexp.MustCompile(`^(?:\[pid +\d+\] )?(\w+\(.*)$`)
	for _, line := range strings.Split(result.Stderr, "\n") {
		if parts := call.FindStringSubmatch(line); parts != nil {
			calls = append(calls, parts[1])
		}
	}
	return result.Stdout, calls
}

// requireHarmless requires that eic started no process and opened files only for reading.
func requireHarmless(t *testing.T, calls []string) {
	t.Helper()
	require.Len(t, named(calls, "execve", "execveat"), 1, "expected no other program to run")
	require.Empty(t, named(calls, "fork", "vfork"))
	for _, call := range named(calls, "clone", "clone3") {
		require.Contains(t, call, "CLONE_THREAD", "expected only threads, no process")
	}
	readers := []string{"open", "openat", "openat2", "readlink", "readlinkat", "stat", "newfstatat", "access", "faccessat2"}
	others := []string{
		"execve", "clone", "clone3", "exit", "exit_group", "pidfd_open", "wait4", "waitid", "kill", "tgkill", "pidfd_send_signal",
		"socket", "connect", "getsockname", "getpeername", "getsockopt", "setsockopt", "sendto", "sendmsg", "recvfrom", "shutdown",
	}
	require.Len(t, named(calls, append(readers, others...)...), len(calls), "unexpected system call in\n%s", strings.Join(calls, "\n"))
	for _, call := range named(calls, "open", "openat", "openat2") {
		require.NotRegexp(t, "O_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)", call, "expected no file to be opened for writing")
	}
}

// named returns the calls of the system calls with these names.
func named(calls []string, names ...string) []string {
	var found []string
	for _, call := range calls {
		for _, name := range names {
			if strings.HasPrefix(call, name+"(") {
				found = append(found, call)
			}
		}
	}
	return found
}

func TestUserWithoutKeysCostsOneProcessAndTwoRequests(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, host.Packaged)
	stdout, calls := traced(t, h, "bob")
	require.Empty(t, stdout)
	requireHarmless(t, calls)

	var connects []string
	for _, call := range named(calls, "connect") {
		if !strings.Contains(call, "AF_UNIX") {
			connects = append(connects, call)
		}
	}
	require.Len(t, connects, 1)
	require.Contains(t, connects[0], `sin_port=htons(80), sin_addr=inet_addr("169.254.169.254")`)
	require.Equal(t, imds.Stats{
		Requests: map[imds.Stage]int{imds.StageToken: 1, imds.StageActiveKeys: 1},
		Paths: map[string]int{
			"PUT /latest/api/token":                                  1,
			"GET /latest/meta-data/managed-ssh-keys/active-keys/bob": 1,
		},
		Connections: 1,
	}, h.Sim.Stats())
}

func TestPrintedKeyCostsOneProcessAndWritesNoFile(t *testing.T) {
	h := hosttest.Start(t, host.Options{}, host.Packaged)
	key := hosttest.NewKey(t, h, "key")
	hosttest.Push(t, h, "alice", key)
	stdout, calls := traced(t, h, "alice")
	public, err := os.ReadFile(key + ".pub")
	require.NoError(t, err)
	require.Equal(t, string(public), stdout)
	requireHarmless(t, calls)
	require.Contains(t, strings.Join(named(calls, "connect"), "\n"), `sun_path="/dev/log"`)
}

func TestBinaryIsStaticAndSmall(t *testing.T) {
	needs.Root(t)
	path := host.Prepared() + "/eic"
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(9_000_000))

	binary, err := elf.Open(path)
	require.NoError(t, err)
	defer binary.Close() //nolint:errcheck // only read
	for _, program := range binary.Progs {
		require.NotEqual(t, elf.PT_INTERP, program.Type, "the program needs a dynamic linker")
	}
	libraries, err := binary.ImportedLibraries()
	require.NoError(t, err)
	require.Empty(t, libraries)
	require.Nil(t, binary.Section(".symtab"), "the program is not stripped")
}
