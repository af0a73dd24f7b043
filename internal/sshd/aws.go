package sshd

import (
	"slices"

	"eic/internal/argv"
)

// Names of AWS's package ec2-instance-connect, which eic replaces.
//
// Source: its deb and rpm packaging, github.com/aws/aws-ec2-instance-connect-config.
const (
	// AWSCommand is the base name of the script that AWS's package configures sshd to
	// run. eic can also be called by this name.
	AWSCommand = "eic_run_authorized_keys"
	// AWSUser is the system user that the script runs as. Removing AWS's package deletes
	// that user.
	AWSUser = "ec2-instance-connect"
	// AWSDropIn is the base name of the drop-in for sshd's unit. It puts both the command
	// and the user on sshd's command line.
	AWSDropIn = "ec2-instance-connect.conf"
	// AWSConfig is the file in which version 2 of the package sets both instead. The file
	// may remain after the package is removed.
	//
	// Source: EC2 User Guide, "Install EC2 Instance Connect on your EC2 instances".
	AWSConfig = "/etc/ssh/sshd_config.d/60-ec2-instance-connect.conf"
)

// AWSScripts returns the absolute paths of AWSCommand in the rpm and in the deb.
func AWSScripts() []string {
	return []string{
		"/opt/aws/bin/" + AWSCommand,
		"/usr/share/ec2-instance-connect/" + AWSCommand,
	}
}

// IsAWSCommand reports whether command is the one that AWS's package configures, in its
// deb or its rpm.
func IsAWSCommand(command string) bool {
	args, err := argv.Split(command)
	return err == nil && len(args) > 0 && slices.Contains(AWSScripts(), args[0])
}
