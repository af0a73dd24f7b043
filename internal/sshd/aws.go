package sshd

import (
	"slices"

	"eic/internal/argv"
)

// What AWS's package ec2-instance-connect puts on a machine. eic takes its
// place.
//
// Source: its deb and rpm packaging, github.com/aws/aws-ec2-instance-connect-config.
const (
	// AWSCommand is the base name of the script that it has sshd run, and the
	// second name that eic answers to.
	AWSCommand = "eic_run_authorized_keys"
	// AWSUser is the system user that sshd runs it as. Removing the package
	// deletes the user.
	AWSUser = "ec2-instance-connect"
	// AWSDropIn is the base name of the drop-in for sshd's unit by which it
	// puts both on sshd's command line.
	AWSDropIn = "ec2-instance-connect.conf"
	// AWSConfig is where version 2 of the package sets both instead. It may outlive
	// the package.
	//
	// Source: EC2 User Guide, "Install EC2 Instance Connect on your EC2 instances".
	AWSConfig = "/etc/ssh/sshd_config.d/60-ec2-instance-connect.conf"
)

// AWSScripts returns the absolute paths of AWSCommand, as the rpm and the
// deb install it.
func AWSScripts() []string {
	return []string{
		"/opt/aws/bin/" + AWSCommand,
		"/usr/share/ec2-instance-connect/" + AWSCommand,
	}
}

// IsAWSCommand reports whether a command is the one that AWS's package
// ec2-instance-connect configures, in its deb or its rpm.
func IsAWSCommand(command string) bool {
	args, err := argv.Split(command)
	return err == nil && len(args) > 0 && slices.Contains(AWSScripts(), args[0])
}
