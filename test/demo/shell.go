package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"eic/internal/sim"
	"eic/test/host"
)

// shell opens a shell in which AWS's command line reaches the demo's instance, and waits for
// the end of the shell.
func shell(ctx context.Context, s *stage) error {
	if able, why := opensTunnels(ctx); !able {
		return fmt.Errorf("%s, and %s", newest, why)
	}
	if err := s.configureClient(); err != nil {
		return err
	}
	fmt.Printf(`
This shell is on a simulated network: an instance with eic and sshd, and a stand-in for AWS.
Its network, files and processes end with it. Try:

   aws ec2-instance-connect ssh --instance-id %s --connection-type eice
   tail -n 2 $EVENTS

`, sim.DefaultInstanceID)
	cmd := exec.CommandContext(ctx, "/bin/sh")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Dir = s.host.Dir()
	cmd.Env = append(s.host.ClientEnvironment(), "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME="+s.host.Dir(), "EVENTS="+s.events,
		"PS1=simulated $ ", "TERM="+os.Getenv("TERM"), "LANG=C.UTF-8")
	if err := cmd.Run(); err != nil && !strings.Contains(err.Error(), "exit status") {
		return err
	}
	return nil
}

// missingForShell returns a message about missing requirements of the shell, or "".
func missingForShell() string {
	if os.Geteuid() != 0 {
		return "this needs root, for it makes namespaces and starts sshd; run: sudo make try"
	}
	if missing := host.Missing(append(host.Needed(), host.AWS)...); len(missing) > 0 {
		return "packages are missing: apt-get install " + strings.Join(missing, " ")
	}
	return ""
}
