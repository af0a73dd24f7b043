package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"eic/internal/cmdline"
	"eic/internal/enable"
	"eic/internal/printable"
	"eic/internal/settings"
	"eic/internal/sshd"
)

const enableAbout = `Configures sshd to run "eic authorized-keys" as the system user _eic, and creates
that user if it does not exist. The flags of authorized-keys given here are
written into sshd's configuration. They replace the flags of an earlier "eic
enable"; dropping one of those needs --replace. Settings for every login belong
in /etc/eic/eic.conf.

If sshd already runs another AuthorizedKeysCommand, enable changes nothing. It
names the file and line that set that command, and what to do. Otherwise sshd
tests the new configuration before it is used. Every change is undone if sshd
refuses it, if it would change anything else that sshd does, or if eic is
interrupted. At the end sshd is reloaded.

Exit status: 0 done, or nothing to do; 1 failed; 2 called wrongly; 3 nothing was
changed, because sshd runs another command, the account _eic is not eic's,
something else would change, or flags would be dropped; 4 with --dry-run,
something would change.`

const disableAbout = `Removes from sshd's configuration what "eic enable" added, and restores every file
to its previous contents. A block that was edited is left alone.

Exit status: 0 done, or nothing to do; 1 failed; 2 called wrongly; 3 nothing was
changed, because eic's lines were edited; 4 with --dry-run, something would
change.`

// exitConflict means that a configuration of somebody else is in the way.
const exitConflict = 3

// exitDiffers means that a dry run would have changed something.
const exitDiffers = 4

// existingCommand is the value of --chain if it is given without one.
const existingCommand = "existing"

// enabling is one call of enable.
type enabling struct {
	settings *settings.Settings
	options  enable.Options
	host     sshd.Host
	// restore names a file that "eic disable --save" wrote, or is empty.
	restore string
}

func (e *enabling) needsRoot() {}

func (e *enabling) register(line cmdline.Line) {
	line.BoolVar(&e.options.DryRun, "dry-run", false, "change nothing; print the changes as a diff")
	line.BoolVar(&e.options.ReplaceInstanceConnect, "replace-ec2-instance-connect", false, "replace the older package ec2-instance-connect")
	line.BoolVar(&e.options.Replace, "replace", false, "drop flags of an earlier call that are not given now")
	line.BoolVar(&e.options.Keep, "keep", false, "keep the flags of the present entry (for packages)")
	line.BoolVar(&e.options.Upgrade, "upgrade", false, "update the present entry as --keep does, but create none (for upgrades of packages)")
	line.StringVar(&e.restore, "restore", "", "restore the entry that \"eic disable --save=`FILE`\" removed, if it removed one (for packages)")
	line.BoolVar(&e.options.SELinuxAllowsChain, "selinux-allows-chain", false, "assume that SELinux's policy lets eic's domain do what the command of --chain needs")
	reloadFlag(line, &e.host)
	e.settings = settings.New()
	e.settings.Register(line.FlagSet)
	chain := line.Lookup("chain")
	chain.NoOptDefVal = existingCommand
	chain.Usage = "also run another AuthorizedKeysCommand: `COMMAND`, or by default the current one"
}

func (e *enabling) check(ctx context.Context, line cmdline.Line) error {
	if chain := line.Lookup("chain"); chain.Value.String() == existingCommand {
		e.options.Chain = true
		if err := chain.Value.Set(""); err != nil {
			return err
		}
		chain.Changed = false
	}
	if err := e.settings.Read(ctx, settings.Files{Host: settings.File}); err != nil {
		return err
	}
	e.options.Flags, e.options.KeyOptions = e.settings.Given(), e.settings.Policy.KeyOptions
	return e.settings.CheckPaths()
}

func (e *enabling) run(ctx context.Context, stdout, stderr io.Writer) int {
	ctx, release := catchSignals(ctx)
	defer release()
	if e.restore != "" {
		saved, err := readSaved(e.restore)
		if err != nil || saved == nil {
			return reportChange("enable", enable.Result{}, e.options.DryRun, err, stdout, stderr)
		}
		e.options.Saved, e.options.ReplaceInstanceConnect = saved, true
	}
	result, err := enable.Add(ctx, e.host, e.options)
	return reportChange("enable", result, e.options.DryRun, err, stdout, stderr)
}

// disabling is one call of disable.
type disabling struct {
	dryRun bool
	host   sshd.Host
	// save names a file for the arguments of the removed entry.
	save string
}

func (d *disabling) needsRoot() {}

func (d *disabling) register(line cmdline.Line) {
	line.BoolVar(&d.dryRun, "dry-run", false, "change nothing; print the changes as a diff")
	line.StringVar(&d.save, "save", "", "save the removed flags in `FILE` for a later enable (for packages)")
	reloadFlag(line, &d.host)
}

// reloadFlag adds the flag with which a package's distribution reloads sshd.
func reloadFlag(line cmdline.Line, host *sshd.Host) {
	line.StringVar(&host.ReloadWith, "reload-with", "", "reload a running sshd with `COMMAND`; its exit status 101 means that it refused (for packages)")
}

func (d *disabling) check(context.Context, cmdline.Line) error { return nil }

func (d *disabling) run(ctx context.Context, stdout, stderr io.Writer) int {
	ctx, release := catchSignals(ctx)
	defer release()
	result, err := enable.Remove(ctx, d.host, d.dryRun)
	if err == nil && d.save != "" && !d.dryRun {
		err = writeSaved(d.save, result.Removed)
	}
	return reportChange("disable", result, d.dryRun, err, stdout, stderr)
}

// reportChange reports what happened to sshd's configuration.
func reportChange(command string, result enable.Result, dryRun bool, err error, stdout, stderr io.Writer) int {
	stdout = printable.Writer{To: stdout} // the diff contains text from other people's files
	for _, line := range slices.Concat([]string{outcome(result, dryRun, err)}, result.Notes) {
		if line != "" {
			fmt.Fprintln(stdout, line)
		}
	}
	if dryRun {
		fmt.Fprint(stdout, result.Diff)
	}
	switch {
	case err == nil && dryRun && result.Changed:
		return exitDiffers
	case err == nil:
		return exitOK
	}
	fmt.Fprintf(stderr, "eic %s: %v\n", command, err)
	var conflict *enable.ConflictError
	if errors.As(err, &conflict) {
		return exitConflict
	}
	return exitFailed
}

func outcome(result enable.Result, dryRun bool, err error) string {
	switch {
	case err != nil && !result.Changed:
		return ""
	case !result.Changed:
		return "sshd's configuration is already as wanted."
	case dryRun:
		return "sshd's configuration would change like this:"
	case result.Reloaded != "":
		return "sshd's configuration was changed and tested, and " + result.Reloaded + " reloaded."
	case result.NotReloaded != "":
		return "sshd's configuration was changed and tested. sshd was not reloaded: " + result.NotReloaded
	default:
		return "sshd's configuration was changed and tested. No running sshd needed a reload."
	}
}
