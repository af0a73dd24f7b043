package othercommand

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/argv"
	"eic/internal/confine"
	"eic/test/needs"
)

// errBudget is the cause of the context's end in these tests.
var errBudget = errors.New("the budget is spent")

// budget is long enough for every command here that is expected to end.
const budget = 10 * time.Second

// shell returns a command that runs a script with the user and the fingerprint as its
// arguments. Root owns the shell on every machine.
func shell(t *testing.T, script string) Command {
	t.Helper()
	c, err := Parse(argv.Quote([]string{"/bin/sh", "-c", argv.Escape(script), "sh", "%u", "%f"}))
	require.NoError(t, err)
	return c
}

func ask(t *testing.T, budget time.Duration, script string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), budget, errBudget)
	defer cancel()
	keys, err := shell(t, script).Start(ctx, Question{
		User: `al ice"%f`, Fingerprint: "SHA256:abc", Environ: []string{"PATH=/usr/bin:/bin", "HOME=/nonexistent"},
	}).Keys()
	if err != nil {
		require.Nil(t, keys)
	}
	return string(keys), err
}

func TestCommandRunsAsUnderSSHD(t *testing.T) {
	for name, test := range map[string]struct{ script, want string }{
		"command gets the user and the fingerprint as arguments": {`printf "%s\n" "$#" "$@"`, "2\nal ice\"%f\nSHA256:abc\n"},
		"command gets only sshd's environment":                   {`env -u PWD -u SHLVL -u _ | sort`, "HOME=/nonexistent\nPATH=/usr/bin:/bin\n"},
		"command has no input":                                   {`cat; readlink /proc/self/fd/0`, "/dev/null\n"},
		"standard error is discarded":                            {`echo noise >&2; echo key`, "key\n"},
		"command leads its own process group":                    {`read -r pid name state parent group rest </proc/$$/stat; [ "$group" = $$ ] && echo leader`, "leader\n"},
		"SIGPIPE is not ignored":                                 {`echo $(( (0x$(awk '/^SigIgn/ {print $2}' /proc/self/status) >> 12) & 1 ))`, "0\n"},
		"command without output has no keys":                     {`:`, ""},
		"missing final newline is added":                         {`printf "a\nb"`, "a\nb\n"},
		"text that is no key is returned unchanged":              {`printf "\033[2J\377\r\n#\n\n"`, "\x1b[2J\xff\r\n#\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ask(t, budget, test.script)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestFailedCommandHasNoKeys(t *testing.T) {
	for name, test := range map[string]struct{ script, reason string }{
		"exit status 3":                   {"echo key; exit 3", "exit status 3"},
		"segmentation fault":              {"echo key; kill -SEGV $$", "signal: segmentation fault"},
		"NUL byte in the output":          {`printf "key\nk\0y\n"`, "NUL"},
		"missing program":                 {"echo key; exec /none", "exit status 127"},
		"closed output and exit status 1": {"exec >&-; exit 1", "exit status 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ask(t, budget, test.script)
			require.ErrorContains(t, err, test.reason)
		})
	}
}

// When the context ends, the command and every process of its group must be killed.
func TestHangingCommandIsKilledInTime(t *testing.T) {
	for name, script := range map[string]string{
		"command sleeps":                    "echo key; exec sleep 1000",
		"child process sleeps":              "echo key; sleep 1000; echo more",
		"command ignores signals":           `trap "" TERM INT HUP PIPE; echo key; while :; do sleep 1000; done`,
		"command sleeps with closed output": "echo key; exec >&- sleep 1000",
		"command prints slowly without end": "while :; do echo key; sleep 0.01; done",
		"command stops itself with SIGSTOP": "echo key; kill -STOP $$",
		"command loops":                     "while :; do :; done",
	} {
		t.Run(name, func(t *testing.T) {
			pids := pidFile(t)
			start := time.Now()
			_, err := ask(t, 300*time.Millisecond, "echo $$ >"+pids+"; "+script)
			require.ErrorIs(t, err, errBudget)
			require.Less(t, time.Since(start), 2*time.Second)
			requireGroupGone(t, pids)
		})
	}
}

func TestCommandThatPrintsTooMuchIsKilled(t *testing.T) {
	for name, script := range map[string]string{
		"lines without end":                      "exec yes ssh-ed25519 AAAA",
		"bytes without end and without newlines": "exec cat /dev/zero",
		"lines without end, SIGPIPE ignored":     `trap "" PIPE; while :; do echo ssh-ed25519 AAAA; done`,
		"lines without end from child processes": "yes & yes & wait",
		"one byte over the limit":                "head -c 1048577 /dev/zero | tr '\\0' a",
	} {
		t.Run(name, func(t *testing.T) {
			pids := pidFile(t)
			_, err := ask(t, budget, "echo $$ >"+pids+"; "+script)
			require.ErrorContains(t, err, "more than 1048576 bytes")
			requireGroupGone(t, pids)
		})
	}
	keys, err := ask(t, budget, "head -c 1048575 /dev/zero | tr '\\0' a; echo")
	require.NoError(t, err)
	require.Len(t, keys, maxOutput)
}

// A background process holds the command's output open. It must not delay sshd.
func TestBackgroundProcessDoesNotDelayTheKeys(t *testing.T) {
	for name, script := range map[string]string{
		"background process in the process group":         "echo key; sleep 1000 & exit 0",
		"background process outside of the process group": "echo key; setsid sleep 5 & exit 0",
		"background process and 1000 keys":                `i=0; while [ $i -lt 1000 ]; do echo key; i=$((i+1)); done; sleep 1000 & exit 0`,
	} {
		t.Run(name, func(t *testing.T) {
			pids := pidFile(t)
			start := time.Now()
			keys, err := ask(t, budget, "echo $$ >"+pids+"; "+script)
			require.NoError(t, err)
			require.Equal(t, "", strings.ReplaceAll(keys, "key\n", ""))
			require.NotEmpty(t, keys)
			require.Less(t, time.Since(start), 2*time.Second)
			requireGroupGone(t, pids)
		})
	}
}

func pidFile(t *testing.T) string { return filepath.Join(t.TempDir(), "pid") }

func requireGroupGone(t *testing.T, pids string) {
	t.Helper()
	text, err := os.ReadFile(pids)
	require.NoError(t, err)
	group, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	gone := func() bool { return !runs(t, group) }
	require.Eventually(t, gone, 5*time.Second, 10*time.Millisecond, "process group %d still has processes", group)
}

// runs reports whether the group has a process that is not a zombie (proc_pid_stat(5)).
func runs(t *testing.T, group int) bool {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the process has ended
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if fields[2] == strconv.Itoa(group) && fields[0] != "Z" {
			return true
		}
	}
	return false
}

func TestOnlyProgramsThatOnlyRootCanWriteAreRun(t *testing.T) {
	needs.Root(t)
	base, err := os.MkdirTemp("/var/lib", "chain-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(base)) })
	require.NoError(t, os.Chmod(base, 0o755))
	program := filepath.Join(base, "list")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\necho key\n"), 0o755))
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(program, link))

	for name, test := range map[string]struct {
		program string
		change  func() error
		reason  string
	}{
		"program of root": {program, nil, ""},
		"symbolic link of any user to a program of root": {link, nil, ""}, // like sshd, eic checks only the target of a link
		"program writable by its group":                  {program, func() error { return os.Chmod(program, 0o775) }, "mode 0775"},
		"program writable by all users":                  {program, func() error { return os.Chmod(program, 0o757) }, "mode 0757"},
		"program of another user":                        {program, func() error { return os.Chown(program, 1, 0) }, "is owned by uid 1, expected root"},
		"program in a directory writable by all users":   {program, func() error { return os.Chmod(base, 0o777) }, "mode 0777"},
		"program in a directory of another user":         {program, func() error { return os.Chown(base, 1, 0) }, "is owned by uid 1, expected root"},
		"path is a directory":                            {base, nil, "not a regular file"},
		"program does not exist":                         {base + "/none", nil, "no such file"},
		"program is not executable":                      {program, func() error { return os.Chmod(program, 0o644) }, "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, errors.Join(os.Chown(base, 0, 0), os.Chmod(base, 0o755), os.Chown(program, 0, 0), os.Chmod(program, 0o755)))
			if test.change != nil {
				require.NoError(t, test.change())
			}
			c, err := Parse(test.program)
			require.NoError(t, err)
			keys, err := c.Start(t.Context(), Question{User: "alice"}).Keys()
			if test.reason == "" {
				require.NoError(t, err)
				require.Equal(t, "key\n", string(keys))
				return
			}
			require.ErrorContains(t, err, test.reason)
		})
	}
}

// probeVariable makes the test program run one of the probes below.
const probeVariable = "CHAIN_PROBE"

func TestMain(m *testing.M) {
	switch os.Getenv(probeVariable) {
	case "confined":
		probeConfined()
	case "hangs":
		probeHangs()
	default:
		os.Exit(m.Run())
	}
}

// probeConfined starts a command, confines this process, and prints the command's keys.
func probeConfined() {
	ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, errBudget)
	defer cancel()
	free, err := Parse(`/bin/sh -c "sleep 0.3; head -c 5 /etc/passwd; echo; grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status"`)
	if err != nil {
		panic(err)
	}
	hung, err := Parse("/bin/sleep 1000")
	if err != nil {
		panic(err)
	}
	q := Question{Environ: []string{"PATH=/usr/bin:/bin"}}
	first, second := free.Start(ctx, q), hung.Start(ctx, q)
	if err := confine.Confine(confine.Needs{Signals: true}); err != nil {
		panic(err)
	}
	keys, err := first.Keys()
	fmt.Printf("%s", keys)
	if err != nil {
		fmt.Println(err)
	}
	if _, err = second.Keys(); err != nil {
		fmt.Println(err)
	}
}

// Confining eic must neither confine the command nor keep eic from killing it.
func TestCommandIsNotConfinedButCanBeKilledAfterConfine(t *testing.T) {
	probe := exec.Command(os.Args[0])
	probe.Env = append(os.Environ(), probeVariable+"=confined")
	output, err := probe.CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, "root:\nNoNewPrivs:\t0\nSeccomp:\t0\nthe budget is spent\n", string(output))
}

// probeHangs starts a command that writes its process id to a file and never ends, and waits
// for it.
func probeHangs() {
	c, err := Parse(`/bin/sh -c "echo $$ >$HOME/pid; exec sleep 1000"`)
	if err != nil {
		panic(err)
	}
	run := c.Start(context.Background(), Question{Environ: []string{"PATH=/usr/bin:/bin", "HOME=" + os.Getenv("HOME")}})
	if err := confine.Confine(confine.Needs{Signals: true}); err != nil {
		panic(err)
	}
	_, _ = run.Keys()
}

// SIGKILL gives eic no time to kill the command, so the kernel does.
func TestCommandIsKilledIfEicIsKilled(t *testing.T) {
	home := t.TempDir()
	probe := exec.Command(os.Args[0])
	probe.Env = append(os.Environ(), probeVariable+"=hangs", "HOME="+home)
	require.NoError(t, probe.Start())
	written := func() bool {
		text, err := os.ReadFile(home + "/pid")
		return err == nil && strings.HasSuffix(string(text), "\n")
	}
	require.Eventually(t, written, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, probe.Process.Kill())
	require.Error(t, probe.Wait())
	requireGroupGone(t, home+"/pid")
}
