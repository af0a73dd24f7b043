package othercommand

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// Supervisor is the name of this program's command that calls Supervise.
const Supervisor = "supervise"

// statusNotRun is the exit status of Supervise if the command could not be started. A
// shell uses the same status.
const statusNotRun = 126

// Supervise runs a command as root for a process that has given up root and could not
// kill it. args are the file to execute, the program name, and its arguments; environ is
// its whole environment. The command writes to this process's standard output and has no
// input.
//
// The end of input kills the command and every process of its group. Supervise returns
// the exit status of the command, or 128 plus the number of the signal that it died of.
// Supervise does not use the network and parses nothing.
func Supervise(args, environ []string, input io.Reader, stderr io.Writer) int {
	if len(args) < 2 {
		fmt.Fprintf(stderr, "eic %s: expected a file, a name and arguments; eic calls this itself\n", Supervisor)
		return statusNotRun
	}
	command := exec.Command(args[0], args[2:]...)
	command.Args[0] = args[1]
	command.Env = environment(environ)
	command.Stdout = os.Stdout
	command.SysProcAttr = ownGroup()
	if err := command.Start(); err != nil {
		fmt.Fprintf(stderr, "eic %s: %v\n", Supervisor, err)
		return statusNotRun
	}
	kill := func() { _ = unix.Kill(-command.Process.Pid, unix.SIGKILL) } // usually no process is left
	go func() {
		_, _ = io.Copy(io.Discard, input) // an error ends the input too
		kill()
	}()
	awaitExit(command.Process.Pid)
	kill()
	return status(command.Wait())
}

func status(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		return statusNotRun
	case exit.ExitCode() >= 0:
		return exit.ExitCode()
	default:
		return 128 + int(signalOf(exit.ProcessState))
	}
}
