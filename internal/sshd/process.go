package sshd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// Running reports whether the host is the machine that this process runs on, and not an
// image or a chroot. Only on such a host does the running sshd use the host's files.
func (h Host) Running() bool {
	return h.root() == "/" && !isInChroot()
}

// isInChroot reports whether process 1 has another root than this process, or /proc shows
// no process. Some containers hide the root of process 1 even from root. isInChroot then
// returns false, and isServer still requires an sshd with the same root.
func isInChroot() bool {
	first, err := os.Stat("/proc/1/root")
	if err != nil {
		return !errors.Is(err, fs.ErrPermission)
	}
	own, err := os.Stat("/")
	return err != nil || !os.SameFile(own, first)
}

// Booted reports whether systemd runs this machine (sd_booted(3)).
func (h Host) Booted() bool {
	info, err := os.Lstat("/run/systemd/system")
	return h.root() == "/" && err == nil && info.Mode().Type() == fs.ModeDir
}

// isServer reports whether a process is an sshd with the same root as this process.
func isServer(pid int) bool {
	process := fmt.Sprintf("/proc/%d/", pid)
	program, err := os.Readlink(process + "exe")
	if err != nil {
		return false
	}
	// An upgrade deletes the file of a running program. Alpine's builds are called
	// sshd.pam and sshd.krb5. sshd-session serves one login and is not a server.
	name := strings.TrimSuffix(path.Base(program), " (deleted)")
	if name != "sshd" && !strings.HasPrefix(name, "sshd.") {
		return false
	}
	own, err := os.Stat("/")
	if err != nil {
		return false
	}
	root, err := os.Stat(process + "root")
	return err == nil && os.SameFile(own, root)
}

// listeningProcess returns the process in sshd's PidFile (sshd(8)), if it is an sshd.
func (h Host) listeningProcess(ctx context.Context) (pid int, found bool, err error) {
	answer, _, err := h.AskGlobal(ctx)
	if err != nil {
		return 0, false, err
	}
	data, err := h.Tree().ReadIfThere(answer.Values["pidfile"])
	if err != nil {
		return 0, false, err
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || !isServer(pid) {
		return 0, false, nil // no sshd listens; the PidFile may be stale
	}
	return pid, true, nil
}

// Systemctl runs systemctl and returns its output.
func (h Host) Systemctl(ctx context.Context, args ...string) ([]byte, error) {
	program, found := h.Tree().FirstExisting("/usr/bin/systemctl", "/bin/systemctl")
	if !found {
		return nil, errors.New("found no systemctl")
	}
	stdout, stderr, err := h.Execute(ctx, program, args...)
	if err != nil {
		return nil, fmt.Errorf("%w: %q", err, oneLine(stderr))
	}
	return stdout, nil
}
