package sshdconfig

import (
	"slices"

	"eic/internal/argv"
)

// What AWS's older package ec2-instance-connect puts on a machine. eic takes its
// place.
//
// Source: its deb and rpm packaging, github.com/aws/aws-ec2-instance-connect-config.
const (
	// OlderCommand is the base name of the script that it has sshd run, and the
	// second name that eic answers to.
	OlderCommand = "eic_run_authorized_keys"
	// OlderUser is the system user that sshd runs it as. Removing the package
	// deletes the user.
	OlderUser = "ec2-instance-connect"
	// OlderDropIn is the base name of the drop-in for sshd's unit by which it
	// puts both on sshd's command line.
	OlderDropIn = "ec2-instance-connect.conf"
)

// OlderScripts returns the absolute paths of OlderCommand, as the rpm and the
// deb install it.
func OlderScripts() []string {
	return []string{
		"/opt/aws/bin/" + OlderCommand,
		"/usr/share/ec2-instance-connect/" + OlderCommand,
	}
}

// ofInstanceConnect reports whether a command is the one that the older
// ec2-instance-connect package configures, in its deb or its rpm.
func ofInstanceConnect(command string) bool {
	args, err := argv.Split(command)
	return err == nil && len(args) > 0 && slices.Contains(OlderScripts(), args[0])
}
