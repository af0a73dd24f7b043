package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"eic/internal/sim"
	"eic/internal/sim/iam"
	"eic/test/host"
)

// policy is the IAM policy of the demo's caller.
const policy = `{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": ["ec2:Describe*", "ec2-instance-connect:OpenTunnel"], "Resource": "*"},
  {"Effect": "Allow", "Action": "ec2-instance-connect:SendSSHPublicKey",
   "Resource": "arn:aws:ec2:us-east-1:123456789012:instance/*",
   "Condition": {"StringEquals": {"ec2:osuser": ["ec2-user", "alice"]}}}]}`

// simulated returns the simulator's options: IAM applies the policy, and events go to a
// file.
func simulated(events io.Writer) (sim.Options, error) {
	allowed, err := iam.ParsePolicy([]byte(policy))
	return sim.Options{TTL: lifetime, Policy: allowed, Events: events}, err
}

// newest says which versions of AWS's command line open tunnels.
const newest = "aws ec2-instance-connect ssh came with version 2.12 of AWS's command line"

// opensTunnels reports whether the installed command line of AWS opens tunnels, and if not,
// why.
func opensTunnels(ctx context.Context) (bool, string) {
	out, err := exec.CommandContext(ctx, host.AWS, "--version").Output()
	version := regexp.MustCompile(`^aws-cli/(\d+)\.(\d+)\.`).FindSubmatch(out)
	if err != nil || version == nil {
		return false, "it is not installed"
	}
	major, _ := strconv.Atoi(string(version[1])) // digits, as matched
	minor, _ := strconv.Atoi(string(version[2]))
	if major < 2 || major == 2 && minor < 12 {
		return false, fmt.Sprintf("version %d.%d is installed", major, minor)
	}
	return true, ""
}

// configureClient configures the ssh that AWS's command line runs not to ask about the host
// key.
func (s *stage) configureClient() error {
	return s.host.WriteFile("/etc/ssh/ssh_config.d/demo.conf", []byte("StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\n"))
}

// throughTheEndpoint logs in with AWS's command line, which generates and pushes a key and
// reaches the private address through the Endpoint.
func (d *demo) throughTheEndpoint(ctx context.Context) error {
	h := d.stage.host
	if err := d.stage.configureClient(); err != nil {
		return err
	}
	cmd := h.Command("root", host.AWS, "ec2-instance-connect", "ssh", "--instance-id", sim.DefaultInstanceID,
		"--os-user", "ec2-user", "--connection-type", "eice")
	cmd.Env = append(cmd.Env, h.ClientEnvironment()...)
	cmd.Stdin = strings.NewReader("whoami\n")
	d.say("(What is typed into it: whoami)")
	result, err := d.run(ctx, cmd)
	if err == nil && (result.Status != 0 || result.Stdout != "ec2-user\n") {
		err = fmt.Errorf("expected \"ec2-user\" and status 0, got status %d", result.Status)
	}
	d.sayLog()
	return err
}

// refusedByIAM pushes a key for root, which the policy does not allow.
func (d *demo) refusedByIAM(ctx context.Context) error {
	d.say(strings.Split(policy, "\n")...)
	if len(host.Missing(host.AWS)) > 0 {
		_, err := d.stage.service().Push(ctx, "root", d.stage.keyFile())
		d.say(fmt.Sprint(err))
		if err == nil || !strings.Contains(err.Error(), "AccessDeniedException") {
			return errors.New("expected AccessDeniedException")
		}
		return nil
	}
	result, err := d.run(ctx, d.stage.service().Command("root", d.stage.keyFile()))
	if err == nil && (result.Status != 254 || !strings.Contains(result.Stderr, "(AccessDeniedException)")) {
		err = fmt.Errorf("expected AccessDeniedException and status 254, got status %d", result.Status)
	}
	return err
}
