package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"eic/test/host"
	"eic/test/needs"
)

// build builds the demo and eic into a directory that every user may read.
func build(t *testing.T) (bin string) {
	t.Helper()
	needs.Root(t)
	bin, err := os.MkdirTemp("", "eic-demo-test-") // only the owner may read t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(bin)) })
	require.NoError(t, os.Chmod(bin, 0o755))
	require.NoError(t, host.Build(t.Context(), bin))
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", bin, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, program := range []string{"demo", "eic"} {
		require.NoError(t, os.Chmod(filepath.Join(bin, program), 0o755))
	}
	return bin
}

// demoCommand returns the command that runs the demo, and its new directory for temporary
// files.
func demoCommand(t *testing.T, bin string) (cmd *exec.Cmd, temporary string) {
	t.Helper()
	temporary, err := os.MkdirTemp(bin, "tmp-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(temporary, 0o777|os.ModeSticky))
	cmd = exec.Command(filepath.Join(bin, "demo"), "--eic", filepath.Join(bin, "eic"))
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
	return cmd, temporary
}

func requireEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestDemoAsRootShowsALoginAndTwoRefusals(t *testing.T) {
	cmd, temporary := demoCommand(t, build(t))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	text := string(out)
	require.Contains(t, text, "alice@instance whoami\n   alice\n")
	require.Contains(t, text, "bob@127.0.0.1: Permission denied (publickey).\n")
	require.Contains(t, text, "alice@127.0.0.1: Permission denied (publickey).\n")
	require.Contains(t, text, "An error occurred (AccessDeniedException) when calling the SendSSHPublicKey operation")
	require.Contains(t, text, "   CloudTrail  SendSSHPublicKey for ")
	if able, why := opensTunnels(t.Context()); able {
		require.Equal(t, 9, strings.Count(text, "   as expected "))
		require.NotContains(t, text, "Not shown")
	} else {
		require.Equal(t, 8, strings.Count(text, "   as expected "))
		require.Contains(t, text, "Not shown: a login through the Endpoint. "+newest+", and "+why+".\n")
	}
	requireEmpty(t, temporary)
}

func TestDemoWithoutRootShowsAllButTheLogin(t *testing.T) {
	cmd, temporary := demoCommand(t, build(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	text := string(out)
	require.Contains(t, text, "Answer: the key would be printed\n")
	require.Equal(t, 6, strings.Count(text, "   as expected "))
	require.Contains(t, text, "Not shown: a login with the real ssh through a real sshd. That needs namespaces, and so root.")
	requireEmpty(t, temporary)
}

func TestInterruptedDemoLeavesNoProcessMountOrFile(t *testing.T) {
	bin := build(t)
	for _, interruption := range []struct {
		signal syscall.Signal
		during string
		status int
	}{
		{unix.SIGINT, "2. A key is made", 130},
		{unix.SIGTERM, "4. alice logs in", 130},
		{unix.SIGINT, "(waiting for", 130},
		{unix.SIGKILL, "(waiting for", -1},
	} {
		t.Run(fmt.Sprintf("%s at %q", interruption.signal, interruption.during), func(t *testing.T) {
			before := traces(t)
			cmd, temporary := demoCommand(t, bin)
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			readUntil(t, stdout, interruption.during)
			namespaces := namespacesOfChild(t, cmd.Process.Pid)
			require.NotEmpty(t, processesIn(t, namespaces))

			require.NoError(t, cmd.Process.Signal(interruption.signal))
			_, err = io.Copy(io.Discard, stdout) // a namespace ends with its last process
			require.NoError(t, err)
			_ = cmd.Wait() // the status is checked below
			require.Equal(t, interruption.status, cmd.ProcessState.ExitCode())
			require.Eventually(t, func() bool { return len(processesIn(t, namespaces)) == 0 },
				5*time.Second, 10*time.Millisecond, "the demo left processes behind")
			require.Equal(t, before, traces(t))
			if interruption.signal != unix.SIGKILL { // nobody is left to remove them
				requireEmpty(t, temporary)
			}
		})
	}
}

func readUntil(t *testing.T, r io.Reader, text string) {
	t.Helper()
	var read strings.Builder
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		read.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	require.Fail(t, "the demo ended before it printed the text", "%s", read.String())
}

// traces returns what a demo could leave behind on this machine: mounts, and files in the
// directories that its host has.
func traces(t *testing.T) []string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	found := []string{string(mounts)}
	for _, path := range []string{host.Binary, host.TrustAnchors, "/run/home", "/run/layers", "/dev/log"} {
		if _, err := os.Lstat(path); err == nil {
			found = append(found, path)
		}
	}
	return found
}

// namespacesOfChild returns the namespaces of a process's only child. They must differ from
// this process's.
func namespacesOfChild(t *testing.T, pid int) []string {
	t.Helper()
	children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	require.NoError(t, err)
	var child string
	for _, file := range children {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		child += strings.TrimSpace(string(text))
	}
	var namespaces []string
	for _, kind := range []string{"mnt", "net", "pid"} {
		theirs, err := os.Readlink("/proc/" + child + "/ns/" + kind)
		require.NoError(t, err)
		ours, err := os.Readlink("/proc/self/ns/" + kind)
		require.NoError(t, err)
		require.NotEqual(t, ours, theirs)
		namespaces = append(namespaces, theirs)
	}
	return namespaces
}

// processesIn returns the processes that are in one of the namespaces.
func processesIn(t *testing.T, namespaces []string) []string {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/ns/*")
	require.NoError(t, err)
	var found []string
	for _, link := range links {
		namespace, err := os.Readlink(link)
		for _, n := range namespaces {
			if err == nil && n == namespace {
				found = append(found, link)
			}
		}
	}
	return found
}
