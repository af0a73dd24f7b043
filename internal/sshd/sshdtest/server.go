package sshdtest

import (
	"bufio"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FreePort returns a free port on the loopback address.
func FreePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// MakeKey generates a key pair in a file and file.pub.
func MakeKey(t *testing.T, file string) {
	t.Helper()
	out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file).CombinedOutput()
	require.NoError(t, err, string(out))
}

// A Server is an sshd that runs in the foreground, with its log.
type Server struct {
	Cmd *exec.Cmd
	log chan string
}

// StartServer runs the sshd of a root until the test ends.
func StartServer(t *testing.T, root string, args ...string) *Server {
	t.Helper()
	return StartProgram(t, root, "/usr/sbin/sshd", args...)
}

// StartProgram is StartServer for an sshd under another name.
func StartProgram(t *testing.T, root, program string, args ...string) *Server {
	t.Helper()
	cmd := exec.Command(program, append([]string{"-D", "-e"}, args...)...)
	cmd.Dir = "/"
	if root != "/" {
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	}
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	s := &Server{cmd, make(chan string, 1000)}
	go s.follow(stderr)
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_, _ = cmd.Process.Wait()
	})
	s.WaitFor(t, "Server listening")
	return s
}

func (s *Server) follow(stderr io.Reader) {
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		s.log <- lines.Text()
	}
	close(s.log)
}

// WaitFor waits until sshd has logged a line that contains the text.
func (s *Server) WaitFor(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	var seen []string
	for {
		select {
		case line, more := <-s.log:
			require.True(t, more, "sshd ended:\n%s", strings.Join(seen, "\n"))
			if seen = append(seen, line); strings.Contains(line, text) {
				return
			}
		case <-deadline:
			require.Fail(t, "sshd never said "+text, strings.Join(seen, "\n"))
		}
	}
}
